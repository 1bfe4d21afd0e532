// Package vxlan compares the tunnel device of each node and family with the expected one
// (felix/dataplane/linux/vxlan_mgr.go, device and configureVXLANDevice). It does no I/O.
package vxlan

import (
	"fmt"
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix/ways"
)

// Kind is the kind of a row.
const Kind = "VXLANDevice"

// Device is a row: a tunnel device that a node has, is expected to have, or both. A missing one shows the expected
// values.
type Device struct {
	Node   string         `json:"node,omitempty"`
	Family inspect.Family `json:"family"`
	Device string         `json:"device,omitempty"`
	VNI    int            `json:"vni,omitempty"`
	VTEP   netip.Addr     `json:"vtep,omitzero"` // the source address of the outer header
	Parent string         `json:"parent,omitempty"`
	Port   int            `json:"port,omitempty"` // UDP
	MTU    int            `json:"mtu,omitempty"`  // bytes
	MAC    inspect.MAC    `json:"mac,omitzero"`
	inspect.Judgement
}

// Options limit the report.
type Options struct{ felix.Filter }

// Needs lists the facts that Analyze uses.
func Needs() []inspect.Fact { return felix.Devices.Needs() }

// Analyze returns the devices of all nodes, sorted by node and family.
func Analyze(s *inspect.Snapshot, o Options) *inspect.Report[Device] { return In(ways.New(s), o) }

// In is Analyze for callers that run several analyses on one cluster.
func In(c *felix.Cluster, o Options) *inspect.Report[Device] {
	var rows []Device
	judge := func(n *felix.Node, f inspect.Family) {
		for _, tunnel := range n.Overlays(f) {
			if row, ok := judgeDevice(n, f, &tunnel); ok {
				rows = append(rows, row)
			}
		}
	}
	unknown := func(n *felix.Node, f inspect.Family, reason string) {
		rows = append(rows, Device{Node: n.Name, Family: f, Device: calico.VXLANDevice(f.Is6()),
			Judgement: inspect.Judgement{Status: inspect.StatusUnknown, Problems: []string{reason}}})
	}
	c.Judge(felix.Devices, o.Filter, judge, unknown)
	return inspect.NewReport(Kind, rows, c.Omissions(felix.Devices, o.Filter)...)
}

// judgeDevice makes the row of one node and family, if there is a device or one is expected.
func judgeDevice(n *felix.Node, f inspect.Family, tunnel *felix.Overlay) (Device, bool) {
	link := n.Link(tunnel.Name)
	switch {
	case link == nil && tunnel.Expected != nil:
		return missing(n, f, tunnel), true
	case link == nil && tunnel.Problem != "":
		return Device{Node: n.Name, Family: f, Device: tunnel.Name,
			Judgement: inspect.Judgement{Status: inspect.StatusMissing, Problems: []string{tunnel.Problem}}}, true
	case link == nil:
		return Device{}, false
	}
	row := observed(n.Name, f, link)
	switch {
	case tunnel.Problem != "" && tunnel.Expected == nil:
		row.Status, row.Problems = inspect.StatusWrong, []string{tunnel.Problem}
	case !tunnel.Runs:
		row.Status, row.Problems = inspect.StatusUnexpected, []string{"Felix does no VXLAN in this family"}
	case tunnel.Expected == nil:
		row.Status, row.Problems = inspect.StatusUnexpected, []string{"no pool gives the node a tunnel address"}
	default:
		row.Problems = differences(n, f, link, tunnel)
		row.Status = inspect.StatusOK
		if len(row.Problems) > 0 {
			row.Status = inspect.StatusWrong
		}
	}
	return row, true
}

func missing(n *felix.Node, f inspect.Family, tunnel *felix.Overlay) Device {
	want := tunnel.Expected
	return Device{Node: n.Name, Family: f, Device: want.Name, VNI: want.VNI, VTEP: want.Local, Parent: want.Parent,
		Port: want.Port, MTU: want.MTU, MAC: want.MAC,
		Judgement: inspect.Judgement{Status: inspect.StatusMissing, Problems: append([]string{"no such device"}, causes(tunnel)...)}}
}

func observed(node string, f inspect.Family, l *inspect.Link) Device {
	row := Device{Node: node, Family: f, Device: l.Name, Parent: l.Parent, MTU: l.MTU, MAC: l.MAC}
	if l.VXLAN != nil {
		row.VNI, row.VTEP, row.Port = l.VXLAN.VNI, l.VXLAN.Local, l.VXLAN.Port
	}
	return row
}

// causes says why the device cannot be as expected, if anything prevents it.
func causes(tunnel *felix.Overlay) []string {
	switch {
	case tunnel.Problem != "":
		return []string{tunnel.Problem}
	case tunnel.Expected.Parent == "":
		return []string{fmt.Sprintf("no interface of the node holds its address %s", tunnel.Expected.Local)}
	default:
		return nil
	}
}

// differences lists how a device differs from the expected one.
func differences(n *felix.Node, f inspect.Family, l *inspect.Link, tunnel *felix.Overlay) []string {
	var d diffs
	want := tunnel.Expected
	if l.VXLAN == nil {
		return append(d, fmt.Sprintf("it is of kind %q, expected vxlan", l.Kind))
	}
	if !l.Up {
		d = append(d, "down, expected up")
	}
	d.compare("VNI", l.VXLAN.VNI, want.VNI)
	d.compare("port", l.VXLAN.Port, want.Port)
	if want.Local.IsValid() {
		d.compare("VTEP", l.VXLAN.Local, want.Local)
	}
	if want.Parent != "" {
		d.compare("parent", l.Parent, want.Parent)
	}
	d = append(d, causes(tunnel)...)
	d.compare("mtu", l.MTU, want.MTU)
	d.compare("MAC", l.MAC, want.MAC)
	d.addresses(n.Table(), f, want)
	if l.VXLAN.Learning {
		d = append(d, "learning is on, expected off")
	}
	if l.VXLAN.FlowBased {
		d = append(d, "flow-based (external), expected with eBPF only")
	}
	return d
}

type diffs []string

func (d *diffs) compare(what string, got, want any) {
	if got != want {
		*d = append(*d, fmt.Sprintf("%s %v, expected %v", what, got, want))
	}
}

// addresses compares the addresses of the device: Felix keeps only the tunnel address and link-local ones on it.
func (d *diffs) addresses(t *inspect.NodeTable, f inspect.Family, want *felix.Device) {
	found := false
	for _, a := range t.Addresses {
		switch {
		case a.Link != want.Name || a.Family() != f || a.Prefix.Addr().IsLinkLocalUnicast():
		case a.Prefix == want.Address:
			found = true
			if a.DADFailed || a.Tentative {
				*d = append(*d, fmt.Sprintf("address %s is not usable: duplicate address detection", a.Prefix.Addr()))
			}
		default:
			*d = append(*d, fmt.Sprintf("address %s is not expected", a.Prefix))
		}
	}
	if !found {
		*d = append(*d, fmt.Sprintf("address %s is missing", want.Address))
	}
}
