package access

import "context"

// Way is a way to run a script on a node, in the node's own network namespace.
type Way interface {
	// Name is the way's name on the command line: exec, debug or runtime.
	Name() string
	// Run runs the script with sh on the node, with args as its $1 and so on, and returns what it printed. An error that
	// is Permanent will not go away by trying again. It is safe for concurrent use.
	Run(ctx context.Context, node, script string, args ...string) ([]byte, error)
}

// MaxOutput is how much a node may print, in bytes. The tables of a node in a cluster of a thousand take about 1 MB; a
// node with the routes of the whole Internet is too large. Parsing takes many times this.
const MaxOutput = 16 << 20

// shell is the command that runs a script.
func shell(script string, args []string) []string {
	return append([]string{"sh", "-c", script, "dualstack"}, args...)
}
