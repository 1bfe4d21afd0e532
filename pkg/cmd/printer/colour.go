package printer

import "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"

// The SGR sequences of ECMA-48 that cells are painted with.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// paint colours text by health. Text without a health, such as a path that is only planned, has no colour.
func paint(text string, h inspect.Health) string {
	switch h {
	case inspect.Healthy:
		return green + text + reset
	case inspect.Broken:
		return red + text + reset
	case inspect.Doubtful:
		return yellow + text + reset
	default:
		return text
	}
}
