// Package access holds the ways into pods and nodes, to read the tables of nodes and to probe from pods.
//
// A Stream runs a command in a container: the bare, flaky transport. Output adds what every caller needs:
// a bound on time and output, errors in words, and the difference between a permanent failure (IsPermanent) and one
// that may not recur. Only the caller knows what the output means and whether it is complete; Retry asks.
//
// A Way runs a script in the network of a node: Exec enters calico-node, Runtime the container that a Kind node is, and
// Debug runs a pod for the purpose.
package access
