package session

import (
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// TestMerge: of several tries the one counts that was not answered, and knows why.
func TestMerge(t *testing.T) {
	yes, silent, told := trace.Result{Answered: true}, trace.Result{Output: "silent"}, trace.Result{Output: "told", Said: "No route"}
	for name, tt := range map[string]struct {
		tries    []trace.Result
		want     string // the output of the one that counts
		answered int
	}{
		"all are answered":     {[]trace.Result{yes, yes, yes}, "", 3},
		"one is not":           {[]trace.Result{yes, silent, yes}, "silent", 2},
		"one is told why":      {[]trace.Result{silent, silent, told, silent}, "told", 0},
		"the first is told":    {[]trace.Result{told, silent}, "told", 0},
		"an answer in between": {[]trace.Result{silent, yes, told, silent}, "told", 1},
		"one only":             {[]trace.Result{silent}, "silent", 0},
	} {
		t.Run(name, func(t *testing.T) {
			paths := make([]trace.Probed, len(tt.tries))
			for i := range tt.tries {
				tt.tries[i].Sent = 2
				paths[i].Result = &tt.tries[i]
			}
			merged, answered := merge(paths)
			if merged.Result.Output != tt.want || answered != tt.answered || merged.Result.Sent != 2*len(tt.tries) {
				t.Errorf("%d answered: %+v", answered, merged.Result)
			}
		})
	}
}
