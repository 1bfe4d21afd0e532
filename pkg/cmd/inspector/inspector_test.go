package inspector

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
)

func TestToOptions(t *testing.T) {
	t.Setenv("KUBECONFIG", "/dev/null")
	for name, test := range map[string]struct {
		flags   func(*Flags)
		names   []string
		want    gather.Request
		wantErr bool
	}{
		"defaults": {want: gather.Request{Subject: inspect.FactPods, Namespace: "default"}},
		"everything": {
			flags: func(f *Flags) {
				namespace := "web"
				f.Config.Namespace, f.Node, f.Selector, f.Family = &namespace, "worker", "a in (b, c)", "IPv6"
			},
			want: gather.Request{Subject: inspect.FactPods, Namespace: "web", Node: "worker", Selector: "a in (b, c)"},
		},
		"all namespaces": {
			flags: func(f *Flags) { f.AllNamespaces = true },
			want:  gather.Request{Subject: inspect.FactPods},
		},
		"names": {
			names: []string{"a"},
			want:  gather.Request{Subject: inspect.FactPods, Namespace: "default", Names: []string{"a"}},
		},
		"unknown family":             {flags: func(f *Flags) { f.Family = "ip" }, wantErr: true},
		"broken selector":            {flags: func(f *Flags) { f.Selector = "a in" }, wantErr: true},
		"names and all namespaces":   {flags: func(f *Flags) { f.AllNamespaces = true }, names: []string{"a"}, wantErr: true},
		"names and a label selector": {flags: func(f *Flags) { f.Selector = "a=b" }, names: []string{"a"}, wantErr: true},
	} {
		t.Run(name, func(t *testing.T) {
			flags := NewFlags(genericclioptions.NewConfigFlags(false), genericiooptions.NewTestIOStreamsDiscard())
			if test.flags != nil {
				test.flags(flags)
			}
			o, err := flags.ToOptions(inspect.FactPods, test.names)
			if err == nil {
				err = o.Validate()
			}
			if usage := (*exit.UsageError)(nil); errors.As(err, &usage) != test.wantErr {
				t.Fatalf("got error %v", err)
			}
			if test.wantErr {
				return
			}
			if diff := cmp.Diff(test.want, o.Request); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestGather(t *testing.T) {
	streams, _, _, errOut := genericiooptions.NewTestIOStreams()
	taken := &inspect.Snapshot{Missing: []inspect.Missing{
		{Fact: inspect.FactPools, Reason: "no permission\x1b"},
		{Fact: inspect.FactBlocks, Reason: "no permission\x1b"},
		{Fact: inspect.FactLab, Reason: "not asked for"},
	}}
	o := &Options{Source: gather.Recorded{Taken: taken}, IOStreams: streams}
	if _, err := o.Gather(t.Context(), inspect.FactPools, inspect.FactBlocks); err != nil {
		t.Fatal(err)
	}
	if want := "Warning: no permission\\x1b\n"; errOut.String() != want {
		t.Errorf("got %q, want %q", errOut, want)
	}
}

func TestNotFound(t *testing.T) {
	for _, test := range []struct {
		count     int
		namespace string
		want      string
	}{
		{0, "default", "No pods found in default namespace.\n"},
		{0, "", "No pods found.\n"},
		{1, "default", ""},
	} {
		streams, _, _, errOut := genericiooptions.NewTestIOStreams()
		o := &Options{IOStreams: streams, Request: gather.Request{Namespace: test.namespace}}
		o.NotFound(test.count, "pods")
		if errOut.String() != test.want {
			t.Errorf("got %q, want %q", errOut, test.want)
		}
	}
}

func TestRecorded(t *testing.T) {
	source := gather.Recorded{Taken: &inspect.Snapshot{Pods: []inspect.Pod{{Namespace: "a", Name: "p"}, {Namespace: "b", Name: "p"}}}}
	var got []inspect.Pod
	request := gather.Request{Namespace: "b", Subject: inspect.FactPods}
	err := source.EachPod(context.Background(), request, func(pods []inspect.Pod) error {
		got = append(got, pods...)
		return nil
	})
	if err != nil || len(got) != 1 || got[0].Namespace != "b" {
		t.Errorf("got %v, %v", got, err)
	}
	err = source.EachPod(context.Background(), gather.Request{Subject: inspect.FactPods, Names: []string{"q"}}, nil)
	if err == nil {
		t.Error("a name that does not exist is no error")
	}
}
