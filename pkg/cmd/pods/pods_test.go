package pods

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
)

// fakeSource answers with pages of pods and keeps what it was asked for.
type fakeSource struct {
	gather.Source // for what is not asked
	pages         [][]inspect.Pod
	err           error
	asked         []gather.Request
}

func (s *fakeSource) Snapshot(_ context.Context, req gather.Request) (*inspect.Snapshot, error) {
	s.asked = append(s.asked, req)
	return &inspect.Snapshot{Pools: []inspect.IPPool{{Name: "v4", CIDR: netip.MustParsePrefix("192.168.0.0/16")}}}, nil
}

func (s *fakeSource) EachPod(_ context.Context, req gather.Request, use func([]inspect.Pod) error) error {
	s.asked = append(s.asked, req)
	for _, page := range s.pages {
		if err := use(page); err != nil {
			return err
		}
	}
	return s.err
}

// runPods runs the command against a source and returns what it printed.
func runPods(t *testing.T, source gather.Source, args ...string) (out, errOut string, err error) {
	t.Helper()
	t.Setenv("KUBECONFIG", "/dev/null")
	streams, _, o, e := genericiooptions.NewTestIOStreams()
	flags := inspector.NewFlags(genericclioptions.NewConfigFlags(false), streams)
	cmd := Inspector().NewCmd(flags, func(ctx context.Context, options *inspector.Inspection) error {
		options.Source = source
		return options.Run(ctx)
	})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return o.String(), e.String(), err
}

func pod(namespace, node, name, ip string) inspect.Pod {
	return inspect.Pod{Namespace: namespace, Node: node, Name: name, Phase: "Running", IPs: []netip.Addr{netip.MustParseAddr(ip)}}
}

// TestRun holds that namespaces which are spread over pages come out whole and sorted.
func TestRun(t *testing.T) {
	source := &fakeSource{pages: [][]inspect.Pod{
		{pod("a", "n2", "a", "192.168.0.1"), pod("a", "n1", "b", "192.168.0.2")},
		{pod("a", "n1", "a", "192.168.0.3"), pod("b", "n1", "c", "192.168.0.4")},
		{},
		{pod("b", "n1", "a", "fd00::5")},
	}}
	out, errOut, err := runPods(t, source, "-A")
	if err != nil || errOut != "" {
		t.Fatalf("got error %v and %q", err, errOut)
	}
	want := `NAMESPACE   NAME   IPV4          IPV6      NODE   PHASE
a           a      192.168.0.3   <none>    n1     Running
a           b      192.168.0.2   <none>    n1     Running
a           a      192.168.0.1   <none>    n2     Running
b           a      <none>        fd00::5   n1     Running
b           c      192.168.0.4   <none>    n1     Running
`
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(source.asked) != 1 {
		t.Errorf("pools were read for columns that are not shown")
	}
}

// TestRunAsksForPools only where they are shown, and for them it does without the subject.
func TestRunAsksForPools(t *testing.T) {
	for _, format := range []string{"wide", "json", "custom-columns=P:.poolIPv4"} {
		source := &fakeSource{pages: [][]inspect.Pod{{pod("a", "n", "p", "192.168.0.1")}}}
		out, _, err := runPods(t, source, "-l", "x=y", "-o", format)
		if err != nil || !strings.Contains(out, "v4") {
			t.Errorf("-o %s: got error %v and\n%s", format, err, out)
		}
		want := []gather.Request{
			{Facts: []inspect.Fact{inspect.FactPools}, Namespace: "default"},
			{Subject: inspect.FactPods, Namespace: "default", Selector: "x=y"},
		}
		if diff := cmp.Diff(want, source.asked, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("-o %s: -want +got:\n%s", format, diff)
		}
	}
}

// TestRunStreams prints the first rows before the last are read.
func TestRunStreams(t *testing.T) {
	var pages [][]inspect.Pod
	for n := range 4 {
		var page []inspect.Pod
		for i := range 500 {
			page = append(page, pod(fmt.Sprintf("ns-%d", n), "n", fmt.Sprintf("p-%03d", i), "192.168.0.1"))
		}
		pages = append(pages, page)
	}
	source := &fakeSource{pages: pages, err: errors.New("the connection broke")}
	out, _, err := runPods(t, source, "-A")
	if err == nil || err.Error() != "the connection broke" {
		t.Errorf("got error %v", err)
	}
	if n := strings.Count(out, "\n"); n != 1501 {
		t.Errorf("%d lines were printed before the connection broke, want those of three namespaces", n)
	}
}

func TestRunNothing(t *testing.T) {
	out, errOut, err := runPods(t, &fakeSource{})
	if err != nil || out != "" || errOut != "No pods found in default namespace.\n" {
		t.Errorf("got %q, %q, %v", out, errOut, err)
	}
}
