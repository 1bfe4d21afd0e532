// Package nodetables reads the kernel tables of nodes: links, addresses, routes, rules, neighbours, forwarding tables
// of VXLAN devices, and the few sysctls that decide whether a node forwards.
//
// One script, the same for every node, is run once per node through a NodeAccess: by exec into calico-node, by a pod
// made for the purpose, or by the container runtime of a Kind node. Parse turns what it printed into an
// inspect.NodeTable, and Tables does so for many nodes at once. The package judges nothing: a table that is wrong is
// reported as it is, and one that could not be read is reported as missing, with the reason.
package nodetables
