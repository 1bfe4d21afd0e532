//go:build apiserver

package apiserver_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/apiserver"
)

// TestMain lets the scripts run this binary as the program itself, under both of its names.
func TestMain(m *testing.M) {
	program := func() { os.Exit(cmd.Main()) }
	testscript.Main(m, map[string]func(){"kubectl-dualstack": program, "kubectl_complete-dualstack": program})
}

// TestScripts runs the scripts against an API server that holds the objects of testdata/objects. Each script finds the
// configuration of an administrator in KUBECONFIG; --as makes it another user.
func TestScripts(t *testing.T) {
	bin, crds := requirements(t)
	server, kubeconfig := startServer(t, bin, crds)
	if err := createManyPods(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "scripts"),
		UpdateScripts:       testutil.Update(),
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"same": same},
		Setup: func(env *testscript.Env) error {
			env.Setenv("KUBECONFIG", kubeconfig)
			env.Setenv("CALICO_MANIFESTS", crds)
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			return nil
		},
	})
}

// startServer starts an API server that holds the objects of testdata/objects, until the test ends. The kubeconfig is an
// administrator's.
func startServer(t *testing.T, bin, crds string) (server *apiserver.Server, kubeconfig string) {
	t.Helper()
	server, err := apiserver.Start(t.Context(), bin, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	err = errors.Join(
		server.LoadDefinitions(t.Context(), crds),
		server.Load(t.Context(), filepath.Join("testdata", "objects")),
	)
	if err != nil {
		t.Fatal(err)
	}
	if kubeconfig, err = server.Kubeconfig(""); err != nil {
		t.Fatal(err)
	}
	return server, kubeconfig
}

// requirements returns the folders that the environment names. Without them there is nothing to test: on a machine for
// continuous integration that is a failure, elsewhere it is said.
func requirements(t *testing.T) (bin, crds string) {
	t.Helper()
	bin, crds, err := apiserver.Requirements()
	if err == nil {
		return bin, crds
	}
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
	return "", ""
}

// manyPods is more than two pages of them.
const manyPods = 1203

// createManyPods fills two namespaces of which one is a prefix of the other, so that paging, and the order of the API
// server, can be seen.
func createManyPods(ctx context.Context, server *apiserver.Server) error {
	var objects []*unstructured.Unstructured
	for _, namespace := range []string{"many", "many-more"} {
		objects = append(objects, object("Namespace", "", namespace))
	}
	for i := 1; i <= manyPods; i++ {
		pod := object("Pod", []string{"many", "many-more"}[i%2], fmt.Sprintf("pod-%04d", i))
		pod.Object["spec"] = map[string]any{
			"nodeName":   fmt.Sprintf("node-%d", i%7),
			"containers": []any{map[string]any{"name": "main", "image": "example.test/main"}},
		}
		v4, v6 := fmt.Sprintf("192.168.%d.%d", 100+i/250, i%250), fmt.Sprintf("fd00:10:244::%x", i)
		pod.Object["status"] = map[string]any{
			"phase": "Running", "podIP": v4, "podIPs": []any{map[string]any{"ip": v4}, map[string]any{"ip": v6}},
		}
		objects = append(objects, pod)
	}
	return server.Create(ctx, objects...)
}

func object(kind, namespace, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("v1")
	o.SetKind(kind)
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}
