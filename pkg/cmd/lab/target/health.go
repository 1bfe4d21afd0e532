package target

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab"
)

// Health says how well a lab, a part of one or an interface of its switch is, by the state that package lab names. That
// package does not know package inspect.
func Health(state string) inspect.Health {
	switch state {
	case lab.PartOK, "running", "up":
		return inspect.Healthy
	case lab.PartDown, "stopped": // PartDown is also the state of an interface
		return inspect.Broken
	case "partial":
		return inspect.Doubtful
	default:
		return inspect.Neutral
	}
}
