package trace

import "al.essio.dev/pkg/shellescape"

// debugImage has the tools of the commands that are proposed for nodes.
const debugImage = "nicolaka/netshoot"

// Kubectl is a command line to be pasted. What would mean something to a shell is quoted.
func Kubectl(args ...string) string {
	return shellescape.QuoteCommand(append([]string{"kubectl"}, args...))
}

// OnNode is a command line that runs a command on a node; none without a node.
func OnNode(node string, command ...string) string {
	if node == "" {
		return ""
	}
	return Kubectl(append([]string{"debug", "node/" + node, "-it", "--image=" + debugImage, "--profile=netadmin", "--"},
		command...)...)
}
