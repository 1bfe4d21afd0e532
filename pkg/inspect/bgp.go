package inspect

import "net/netip"

// ASN is the number of an autonomous system (RFC 6793); 0 is none.
type ASN uint32

// BGPSettings are the settings of BGPConfigurations that decide on sessions and routes. An empty value is "not set".
type BGPSettings struct {
	// ProgramClusterRoutes says for which pools BIRD makes the routes (since v3.32), in the words of Felix's setting.
	ProgramClusterRoutes string `json:"programClusterRoutes,omitempty"`
	// NodeMesh is nodeToNodeMeshEnabled: nil is on.
	NodeMesh *bool `json:"nodeMesh,omitempty"`
	// ASN is that of nodes without one of their own; 0 is Calico's default.
	ASN ASN `json:"asn,omitempty"`
	// Port is the TCP port that the nodes' BIRD listens on; 0 is 179.
	Port uint16 `json:"port,omitempty"`
	// Ports are those of the nodes that have a BGPConfiguration of their own ("node.NAME"), by node.
	Ports map[string]uint16 `json:"ports,omitempty"`
}

// BGPPeer is a BGPPeer, as far as it decides which sessions there must be.
type BGPPeer struct {
	Name string `json:"name"`
	// Node or NodeSelector say which nodes have the session: none of both is all of them.
	Node         string `json:"node,omitempty"`
	NodeSelector string `json:"nodeSelector,omitempty"`
	// PeerIP is the other end, with a port other than 179 in Port; or PeerSelector selects nodes that are.
	PeerIP       netip.Addr `json:"peerIP,omitzero"`
	Port         uint16     `json:"port,omitempty"`
	PeerSelector string     `json:"peerSelector,omitempty"`
	ASN          ASN        `json:"asn,omitempty"`
	Filters      []string   `json:"filters,omitempty"` // names of BGPFilters, in their order
	// Workloads is set for a peer that is a pod of the node (localWorkloadSelector, since v3.30).
	Workloads bool `json:"workloads,omitempty"`
	// Manual is set if the other end's session has to be configured by itself (reversePeering Manual, since v3.30).
	Manual bool `json:"manual,omitempty"`
}

// BIRD is what the BIRD of one family says on a node. Calico runs one for each: bird and bird6.
type BIRD struct {
	// Silent is why it does not answer; empty where it does.
	Silent string `json:"silent,omitempty"`
	// Recovery is set while it recovers after a restart, and holds all routes back from the kernel until every peer has come
	// or the time is over: "236/240", seconds left and in all.
	Recovery string    `json:"recovery,omitempty"`
	Sessions []Session `json:"sessions,omitempty"`
}

// SessionKind says what asks for a session.
type SessionKind string

// The kinds of sessions, by the names that confd gives them (confd/etc/calico/confd/templates/bird.cfg.template).
const (
	SessionMesh     SessionKind = "mesh"     // Mesh_…: the mesh of all nodes
	SessionGlobal   SessionKind = "global"   // Global_…: a BGPPeer for all nodes
	SessionNode     SessionKind = "node"     // Node_…: a BGPPeer for some nodes
	SessionWorkload SessionKind = "workload" // Local_Workload_…: with a pod of the node
	SessionOther    SessionKind = "other"    // of another program
)

// The states of a session that matter; others (Idle, Connect, Active, OpenSent, OpenConfirm) lead to them.
const (
	Established = "Established"
	Passive     = "Passive" // waits for the other end to connect
)

// Session is a BGP session, as BIRD shows it (show protocols all).
type Session struct {
	Kind  SessionKind `json:"kind"`
	Peer  netip.Addr  `json:"peer,omitzero"`
	Port  uint16      `json:"port,omitempty"` // where it is part of the session's name
	ASN   ASN         `json:"asn,omitempty"`  // that the peer must have
	State string      `json:"state,omitempty"`
	// Held is set for a session that takes part in the recovery of its BIRD: it counts only once that is over.
	Held      bool   `json:"held,omitempty"`
	Since     string `json:"since,omitempty"` // of the state: a time of the last day, or else a date
	LastError string `json:"lastError,omitempty"`
	// HoldLeft and HoldTime are the seconds until the peer counts as dead if nothing comes, and in all; both are 0 where there
	// is no session.
	HoldLeft int `json:"holdLeft,omitempty"`
	HoldTime int `json:"holdTime,omitempty"`
	// Imported, Rejected and Exported count routes: taken over, kept though the filter rejects them, and sent.
	Imported int `json:"imported,omitempty"`
	Rejected int `json:"rejected,omitempty"`
	Exported int `json:"exported,omitempty"`
	// ExportFiltered counts the updates that the filter has kept from the peer, since BIRD has started.
	ExportFiltered int `json:"exportFiltered,omitempty"`
}
