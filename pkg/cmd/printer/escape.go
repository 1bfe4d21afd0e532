package printer

import "github.com/kubectl-dualstack/kubectl-dualstack/internal/message"

// Escape makes the text of a cell safe, as package message does for messages.
func Escape(s string) string { return message.Escape(s) }
