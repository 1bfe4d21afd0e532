//go:build apiserver

package apiserver_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/apiserver"
)

var update = flag.Bool("update", false, "rewrite the expected outputs in the scripts")

// TestMain lets the scripts run this binary as the program itself.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kubectl-dualstack": func() { os.Exit(cmd.Main()) }})
}

// TestScripts runs the scripts against an API server that holds the objects of testdata/objects. Each script finds the
// configuration of an administrator in KUBECONFIG; --as makes it another user.
func TestScripts(t *testing.T) {
	bin, crds := requirements(t)
	dir := t.TempDir()
	server, err := apiserver.Start(t.Context(), bin, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	err = errors.Join(
		server.LoadDefinitions(t.Context(), crds),
		server.Load(t.Context(), filepath.Join("testdata", "objects")),
		createManyPods(t.Context(), server),
	)
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := server.Kubeconfig("")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "scripts"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("KUBECONFIG", kubeconfig)
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			return nil
		},
	})
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
