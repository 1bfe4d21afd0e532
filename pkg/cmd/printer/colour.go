package printer

// The SGR sequences of ECMA-48 that status words are painted with.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// paint colours a status word; words that it does not know stay as they are.
func paint(word string) string {
	switch word {
	case "ok", "pass", "Running", "Succeeded", "Ready":
		return green + word + reset
	case "missing", "unexpected", "wrong", "fail", "Failed", "NotReady":
		return red + word + reset
	case "unknown", "skip", "inconclusive", "Pending", "Unknown":
		return yellow + word + reset
	default:
		return word
	}
}
