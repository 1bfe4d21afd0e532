package target

import (
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func TestHealth(t *testing.T) {
	for state, want := range map[string]inspect.Health{
		"ok": inspect.Healthy, "running": inspect.Healthy, "up": inspect.Healthy,
		"partial": inspect.Doubtful, "down": inspect.Broken, "stopped": inspect.Broken, "": inspect.Neutral, "other": inspect.Neutral,
	} {
		if got := Health(state); got != want {
			t.Errorf("%q is %s, want %s", state, got, want)
		}
	}
}
