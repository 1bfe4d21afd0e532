package inspect_test

import (
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func TestOmissionString(t *testing.T) {
	o := inspect.Omission{Reason: "eBPF", Part: "forwarding entries", Family: inspect.IPv6,
		Subjects: strings.Split("abcde", ""), Explanation: "it has maps of its own"}
	want := "IPv6 forwarding entries of a, b, c and 2 more are not verified (eBPF): it has maps of its own"
	if got := o.String(); got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

func TestDetails(t *testing.T) {
	for _, tt := range []struct {
		judgement inspect.Judgement
		want      string
	}{
		{inspect.Judgement{}, ""},
		{inspect.Judgement{Expected: "a"}, "expected a"},
		{inspect.Judgement{Expected: "a", Problems: []string{"b", "c"}}, "b; c"},
	} {
		if got := tt.judgement.Details(); got != tt.want {
			t.Errorf("Details() of %+v = %q, want %q", tt.judgement, got, tt.want)
		}
	}
}
