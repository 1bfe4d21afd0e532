package printer

import "github.com/kubectl-dualstack/kubectl-dualstack/internal/message"

// Escape makes the text of a cell safe, as messages are made safe.
func Escape(s string) string { return message.Escape(s) }
