// Package access holds the ways into pods and nodes, for whoever reads the tables of nodes or probes from pods.
//
// A Stream runs a command in a container: the bare transport, which is a flaky one. Output adds what every caller needs:
// a bound on time and output, errors in words, and the difference between a failure that stands (IsPermanent) and one
// that another attempt may not meet. Only the caller knows what the output means and whether it is complete; Retry asks.
//
// A Way runs a script in the network of a node: Exec enters calico-node, Runtime the container that a Kind node is, and
// Debug runs a pod for the purpose.
package access
