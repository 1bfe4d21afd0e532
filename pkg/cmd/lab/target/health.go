package target

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab"
)

// Health returns the health of a lab, of a part of one or of an interface of its switch, from its state in package lab,
// which does not know package inspect.
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
