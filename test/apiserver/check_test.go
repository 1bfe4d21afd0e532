//go:build apiserver

package apiserver_test

import (
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/apiserver"
)

// TestCheckBareServer has check look at an API server that has only the service which it makes for itself: neither nodes nor
// Calico's definitions.
func TestCheckBareServer(t *testing.T) {
	bin, _ := requirements(t)
	server, err := apiserver.Start(t.Context(), bin, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	kubeconfig, err := server.Kubeconfig("")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", kubeconfig)
	client, err := kubernetes.NewForConfig(server.Config)
	if err != nil {
		t.Fatal(err)
	}
	made := func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Services("default").Get(ctx, "kubernetes", metav1.GetOptions{})
		return err == nil, nil
	}
	if err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, made); err != nil {
		t.Fatalf("wait for the service kubernetes: %v", err)
	}
	got := (&labCluster{server: server}).run(t, "", "check")
	const want = "IPv4-only cluster without Calico and without nodes, and nothing in it asks for IPv6: nothing wrong found, "
	if got.code != exit.OK || !strings.HasPrefix(got.stdout, want) || strings.Count(got.stdout, "\n") > 5 ||
		!strings.Contains(got.stdout, "\nnot checked: calico pools tables bgp: Calico is not installed") {
		t.Errorf("want %q in at most five lines: %s", want, got)
	}
}
