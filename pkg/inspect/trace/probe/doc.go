// Package probe does what a trace needs of a cluster: it sends probes from pods, reads packet counters and kube-proxy's
// rules of nodes, and the sockets on which a pod listens.
//
// All probes of a pod go in one exec, side by side. A fixed script (probe.sh) runs them with the tools that it finds;
// what is to be probed comes to it as words, never as part of a shell line. Each line that it prints carries a mark that
// nobody can foresee, the number of the probe, and what the line is, so that the outputs of many tools come apart again
// and none can pass for another, or for an exit code. A probe without an exit code has not been run: it is tried again,
// and never counts as an answer.
//
// Pods without a shell, or without any tool at all, are entered through an ephemeral container, which ends with the
// trace. The package judges nothing: a Result is what the tool said.
package probe
