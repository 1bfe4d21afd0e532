// Package felix computes, from the API facts of a Snapshot, what the kernel of each node is expected to hold so that pods
// reach each other. It compares nothing and does no I/O; the inspectors compare.
//
// The parts follow Felix. One resolver lists the destinations in pools of every kind, once for all nodes
// (Destination; felix/calc/l3_route_resolver.go). A Manager per way of travel says how a node reaches the destinations in its pools
// (felix/dataplane/linux: vxlan_mgr.go, ipip_mgr.go, noencap_mgr.go). Asked for a node and a family, a Manager returns a
// Way: the tunnel device with its far ends, the route to each destination, which of the kernel's routes are its own, and
// which parts it leaves out and why. RoutePlan joins the Ways of a node; Cluster.Judge and Cluster.Omissions range over them.
// Each Manager is a folder below this one, and package ways lists them. No Manager applies to a pool of a kind that has
// no folder; Omissions then names the pool.
//
// From a node's tables a Manager takes only what Calico takes from there too: the interface that holds the node's address,
// and the MTU of the host's interfaces. Where releases of Calico differ, it asks the table in release.go.
package felix
