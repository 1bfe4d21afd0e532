// Package nodetables reads the kernel tables of nodes: links, addresses, routes, rules, neighbours, forwarding tables
// of VXLAN devices, and the few sysctls that decide whether a node forwards.
//
// One script, the same for every node, is run once per node through an access.Way. Parse turns what it printed into an
// inspect.NodeTable, and Tables does so for many nodes at once. The package judges nothing: it reports a table that is
// wrong as it is, and one that could not be read as missing, with the reason.
package nodetables
