package felix

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Manager is one way for packets to travel between nodes.
type Manager interface {
	// Applies reports whether packets to the addresses of a pool travel this way. The first Manager that applies to a
	// pool has it.
	Applies(pool *inspect.IPPool) bool
	// VTEPs returns the tunnel ends of a family, or nil for a way without neighbour and forwarding entries.
	VTEPs(f inspect.Family) *VTEPs
	// On returns the expectations of a node in a family. It is never nil.
	On(n *Node, f inspect.Family) Way
}

// Maker makes a Manager for a cluster. It may only ask for the cluster's nodes and snapshot, which are known by then.
type Maker func(*Cluster) Manager

// Way is what a Manager expects of one node in one family.
type Way interface {
	// Runs reports whether the way is in use there. If not, nothing is expected.
	Runs() bool
	// Omits returns why a part is not verified, or the empty string.
	Omits(p Part) string
	// Overlay returns the tunnel device and its far ends, and false for a way without one.
	Overlay() (Overlay, bool)
	// Route returns the expected route to a destination in one of the way's pools. There is none to the node's own pods.
	Route(d *Destination) (Route, bool)
	// Owns reports whether a route of the kernel belongs to this way. Such a route is unexpected unless Route returned it.
	Owns(r *inspect.Route) bool
}

// NoOverlay is embedded by a Way without a tunnel device, and by its Manager.
type NoOverlay struct{}

// VTEPs implements Manager.
func (NoOverlay) VTEPs(inspect.Family) *VTEPs { return nil }

// Overlay implements Way.
func (NoOverlay) Overlay() (Overlay, bool) { return Overlay{}, false }

// Overlay is the tunnel device of a node, with its far ends.
type Overlay struct {
	Name string // of the device
	Runs bool   // whether the way is in use on the node
	// Expected is the device as expected; nil where none is.
	Expected *Device
	// Problem says why the node has no part in the tunnels although it should, or why its device cannot be as expected.
	Problem string
	VTEPs   *VTEPs
	// Own is the number of the node's own VTEP, or -1. Without one Felix neither creates nor deletes the device, and
	// entries for other nodes are optional.
	Own int
}

// Device is a tunnel device as expected.
type Device struct {
	Name    string
	VNI     int
	Port    int          // UDP
	Local   netip.Addr   // the node's address, the source of the outer header; zero where any is accepted
	Parent  string       // the interface that holds Local; empty when none does, or the node's tables were not read
	MTU     int          // bytes; 0 when the node's interfaces were not read
	MAC     inspect.MAC  // the VTEP's
	Address netip.Prefix // the tunnel address alone: /32 or /128
}
