// Package nodetables reads the kernel tables of nodes: links, addresses, routes, rules, neighbours, forwarding tables
// of VXLAN devices, and the few sysctls that decide whether a node forwards.
//
// One script, the same for every node, is run once per node through an access.Way. Parse turns its output into an
// inspect.NodeTable, and Tables does so for many nodes at once. The package judges nothing: it reports a wrong table
// unchanged, and an unread one as missing, with the reason.
package nodetables
