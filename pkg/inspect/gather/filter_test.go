package gather

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func TestFilter(t *testing.T) {
	snap := &inspect.Snapshot{
		Nodes: []inspect.Node{{Name: "n1", Labels: map[string]string{"os": "linux"}}, {Name: "n2"}},
		Pods: []inspect.Pod{
			{Namespace: "a", Name: "p1", Node: "n1", Labels: map[string]string{"app": "x"}},
			{Namespace: "a", Name: "p2", Node: "n2"},
			{Namespace: "b", Name: "p1", Node: "n1"},
		},
		Services: []inspect.Service{
			{Namespace: "a", Name: "s", Labels: map[string]string{"app": "x"}}, {Namespace: "b", Name: "s"},
		},
		EndpointSlices: []inspect.EndpointSlice{{Namespace: "a", Name: "s-1"}, {Namespace: "b", Name: "s-2"}},
		Missing:        []inspect.Missing{{Fact: inspect.FactPools, Reason: "no permission"}},
	}
	for name, test := range map[string]struct {
		request Request
		want    string // what is left, in a word each
		wantErr string
	}{
		"everything":  {want: "n1 n2 a/p1 a/p2 b/p1 a/s b/s s-1 s-2"},
		"a namespace": {request: Request{Namespace: "a"}, want: "n1 n2 a/p1 a/p2 a/s s-1"},
		"a node":      {request: Request{Node: "n1"}, want: "n1 n2 a/p1 b/p1 a/s b/s s-1 s-2"},
		"pods of a label": {
			request: Request{Subject: inspect.FactPods, Selector: "app=x"},
			want:    "n1 n2 a/p1 a/s b/s s-1 s-2",
		},
		"services likewise": {
			request: Request{Subject: inspect.FactServices, Selector: "!app"},
			want:    "n1 n2 a/p1 a/p2 b/p1 b/s s-1 s-2",
		},
		"a name": {
			request: Request{Subject: inspect.FactNodes, Names: []string{"n2"}},
			want:    "n2 a/p1 a/p2 b/p1 a/s b/s s-1 s-2",
		},
		"a name elsewhere": {
			request: Request{Namespace: "b", Subject: inspect.FactPods, Names: []string{"p1", "p2"}},
			wantErr: `pods "p2" not found`,
		},
		"a name on another node": {
			request: Request{Namespace: "a", Subject: inspect.FactPods, Names: []string{"p2"}, Node: "n1"},
			want:    "n1 n2 a/s s-1",
		},
		"names in the order of the request": {
			request: Request{Namespace: "b", Subject: inspect.FactNodes, Names: []string{"n2", "n1"}},
			want:    "n2 n1 b/p1 b/s s-2",
		},
		"a broken selector": {request: Request{Subject: inspect.FactPods, Selector: "=="}, wantErr: `label selector "=="`},
		"a fact that was not to be had": {
			request: Request{Subject: inspect.FactPools}, wantErr: "the snapshot lacks ippools: no permission",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.request.Filter(snap)
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Errorf("got error %v, want %q", err, test.wantErr)
				}
				if strings.Contains(test.wantErr, "not found") && !apierrors.IsNotFound(err) {
					t.Errorf("%v is not the error of an API server", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if words := describe(got); words != test.want {
				t.Errorf("got %q, want %q", words, test.want)
			}
		})
	}
	if describe(snap) != "n1 n2 a/p1 a/p2 b/p1 a/s b/s s-1 s-2" {
		t.Error("the snapshot itself has changed")
	}
}

func TestFilterTables(t *testing.T) {
	snap := &inspect.Snapshot{
		Gathered: []inspect.Fact{inspect.FactNodes, inspect.FactTables},
		Nodes:    []inspect.Node{{Name: "n1"}, {Name: "n2"}},
		Tables:   map[string]inspect.NodeTable{"n1": {}},
		NAT:      map[string]inspect.ByFamily[inspect.NAT]{"n1": {}, "n3": {}},
		Missing:  []inspect.Missing{{Fact: inspect.FactTables, Node: "n2", Reason: "no way in"}, {Fact: inspect.FactNAT, Node: "n2", Reason: "no way in"}},
	}
	request := Request{Facts: []inspect.Fact{inspect.FactNodes, inspect.FactTables}, Node: "n1"}
	if got, err := request.Filter(snap); err != nil || len(got.Tables) != 1 || len(got.NAT) != 1 || len(got.Missing) != 0 {
		t.Errorf("a node that was read: got %+v, error %v", got, err)
	}
	request.Node = "n2"
	if got, err := request.Filter(snap); err != nil || len(got.Tables)+len(got.NAT) != 0 || len(got.Missing) != 2 {
		t.Errorf("a node that was not: got %+v, error %v", got, err)
	}
	request.Node = "n3"
	got, err := request.Filter(snap)
	if err == nil || !strings.Contains(err.Error(), "no such node") || got != nil {
		t.Errorf("no such node: got %+v, error %v", got, err)
	}
	request = Request{Facts: []inspect.Fact{inspect.FactPods}}
	if got, err := request.Filter(snap); err != nil || !strings.Contains(got.Lacks(inspect.FactPods, ""), "taken without pods") {
		t.Errorf("a fact that nobody asked for then: got %+v, error %v", got, err)
	}
	request.Subject = inspect.FactPods
	if _, err := request.Filter(snap); err == nil {
		t.Error("a subject that nobody asked for then is no error")
	}
	if len(snap.Tables) != 1 || len(snap.NAT) != 2 || len(snap.Missing) != 2 {
		t.Error("the snapshot itself has changed")
	}
}

func describe(s *inspect.Snapshot) string {
	var words []string
	for _, n := range s.Nodes {
		words = append(words, n.Name)
	}
	for _, p := range s.Pods {
		words = append(words, p.Namespace+"/"+p.Name)
	}
	for _, service := range s.Services {
		words = append(words, service.Namespace+"/"+service.Name)
	}
	for _, slice := range s.EndpointSlices {
		words = append(words, slice.Name)
	}
	return strings.Join(words, " ")
}
