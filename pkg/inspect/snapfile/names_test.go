package snapfile_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

// TestNames: the names and addresses of a snapshot and nothing else, of a file whose tables nobody could read.
func TestNames(t *testing.T) {
	s := inspecttest.Lab()
	file := unzipped(t, written(t, s))
	tables := bytes.Index(file, []byte(`{"node":`))
	file = zipped(t, append(bytes.Clone(file[:tables]), "nobody reads this"...))
	got, err := snapfile.Names(bytes.NewReader(file), 100)
	if err != nil {
		t.Fatal(err)
	}
	want := &inspect.Snapshot{Lab: s.Lab}
	for _, n := range s.Nodes {
		want.Nodes = append(want.Nodes, inspect.Node{Name: n.Name, InternalIPs: n.InternalIPs})
	}
	for _, p := range s.Pods {
		want.Pods = append(want.Pods, inspect.Pod{Namespace: p.Namespace, Name: p.Name, Node: p.Node, HostNetwork: p.HostNetwork})
	}
	for _, v := range s.Services {
		want.Services = append(want.Services, inspect.Service{Namespace: v.Namespace, Name: v.Name, ClusterIPs: v.ClusterIPs})
	}
	if diff := cmp.Diff(want, got, cmpOptions...); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, err = snapfile.Names(bytes.NewReader(file), 2); err != nil || len(got.Nodes) != 2 || len(got.Pods) != 2 || len(got.Services) != 2 {
		t.Errorf("at most two of each: %d nodes, %d pods, %d services, error %v", len(got.Nodes), len(got.Pods), len(got.Services), err)
	}
	if _, err := snapfile.Names(bytes.NewReader(file[:100]), 2); err == nil {
		t.Error("a file that is cut off is no error")
	}
}
