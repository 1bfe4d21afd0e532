package trace

import "al.essio.dev/pkg/shellescape"

// debugImage has the tools for the proposed commands on nodes.
const debugImage = "nicolaka/netshoot"

// Kubectl is a command line to paste. It quotes words that are special to a shell.
func Kubectl(args ...string) string {
	return shellescape.QuoteCommand(append([]string{"kubectl"}, args...))
}

// InPod is a command line that runs a command in a pod's network, in an ephemeral container with tools: the pod's own containers
// may have none.
func InPod(namespace, pod string, command ...string) string {
	return Kubectl(append([]string{"debug", "-n", namespace, "pod/" + pod, "-it", "--image=" + debugImage, "--profile=netadmin", "--"},
		command...)...)
}

// OnNode is a command line that runs a command on a node; none without a node.
func OnNode(node string, command ...string) string {
	if node == "" {
		return ""
	}
	return Kubectl(append([]string{"debug", "node/" + node, "-it", "--image=" + debugImage, "--profile=netadmin", "--"},
		command...)...)
}
