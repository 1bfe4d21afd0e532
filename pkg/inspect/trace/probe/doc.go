// Package probe is the way of a trace into a live cluster: it sends probes from pods, and reads the packet counters and
// kube-proxy's rules of nodes and the sockets on which a pod listens.
//
// One exec runs all probes of a pod, side by side. A fixed script (probe.sh) runs them with the tools that it finds. The
// targets are its arguments, never a part of a shell line. Each line that it prints has an unpredictable mark, the number
// of the probe, and the kind of the line. This separates the outputs of many tools, and none can imitate another one or
// an exit code. A probe without an exit code has not run: it is tried again, and is never an answer.
//
// Pods without a shell or without any tool are entered through an ephemeral container, which ends with the trace. The package
// judges nothing: a Result holds the tool's words.
package probe
