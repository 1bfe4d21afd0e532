package inspecttest

import (
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Change changes a snapshot in place: a fault, or another healthy state.
type Change func(*inspect.Snapshot)

// With returns the lab with changes.
func With(changes ...Change) *inspect.Snapshot {
	s := Lab()
	for _, change := range changes {
		change(s)
	}
	return s
}

// All joins several changes into one.
func All(changes ...Change) Change {
	return func(s *inspect.Snapshot) {
		for _, change := range changes {
			change(s)
		}
	}
}

// Table changes the tables of a node.
func Table(node string, edit func(*inspect.NodeTable)) Change {
	return func(s *inspect.Snapshot) {
		t, ok := s.Tables[node]
		if !ok {
			panic("no tables of node " + node)
		}
		edit(&t)
		s.Tables[node] = t
	}
}

// Tables changes the tables of all nodes.
func Tables(edit func(node string, t *inspect.NodeTable)) Change {
	return func(s *inspect.Snapshot) {
		for name, t := range s.Tables {
			edit(name, &t)
			s.Tables[name] = t
		}
	}
}

// Annotate changes the facts of a node in the API.
func Annotate(node string, edit func(*inspect.Node)) Change {
	return func(s *inspect.Snapshot) {
		i := slices.IndexFunc(s.Nodes, func(n inspect.Node) bool { return n.Name == node })
		edit(&s.Nodes[i])
	}
}

// Pools changes each pool of a family; the zero family is both.
func Pools(f inspect.Family, edit func(*inspect.IPPool)) Change {
	return func(s *inspect.Snapshot) {
		for i := range s.Pools {
			if f.Matches(s.Pools[i].Family()) {
				edit(&s.Pools[i])
			}
		}
	}
}

// Felix changes FelixConfiguration "default".
func Felix(edit func(*inspect.FelixSettings)) Change {
	return func(s *inspect.Snapshot) {
		settings := s.Calico.Felix["default"]
		edit(&settings)
		s.Calico.Felix["default"] = settings
	}
}

// Unread removes the tables of a node, as if it could not be entered.
func Unread(node, reason string) Change {
	return func(s *inspect.Snapshot) {
		delete(s.Tables, node)
		s.Missing = append(s.Missing, inspect.Missing{Fact: inspect.FactTables, Node: node, Reason: reason})
	}
}

// Lacking removes a fact of the whole cluster, as if the caller may not read it.
func Lacking(fact inspect.Fact, reason string) Change {
	return func(s *inspect.Snapshot) {
		s.Missing = append(s.Missing, inspect.Missing{Fact: fact, Reason: reason})
		switch fact {
		case inspect.FactNodes:
			s.Nodes = nil
		case inspect.FactPools:
			s.Pools = nil
		case inspect.FactBlocks:
			s.Blocks = nil
		case inspect.FactFelix:
			s.Calico.Felix, s.Calico.FelixEnv = nil, inspect.FelixSettings{}
		case inspect.FactTables:
			s.Tables = nil
		}
	}
}

// Only leaves a single family in the cluster, as in a single-stack one.
func Only(f inspect.Family) Change {
	other := f.Other()
	is := func(a netip.Addr) bool { return inspect.FamilyOf(a) == other }
	return func(s *inspect.Snapshot) {
		s.Pools = slices.DeleteFunc(s.Pools, func(p inspect.IPPool) bool { return p.Family() == other })
		s.EndpointSlices = slices.DeleteFunc(s.EndpointSlices, func(e inspect.EndpointSlice) bool { return e.Family == other })
		for i := range s.Pods {
			s.Pods[i].IPs = slices.DeleteFunc(s.Pods[i].IPs, is)
		}
		for i := range s.Services {
			svc := &s.Services[i]
			svc.ClusterIPs = slices.DeleteFunc(svc.ClusterIPs, is)
			svc.IPFamilies = slices.DeleteFunc(svc.IPFamilies, func(f inspect.Family) bool { return f == other })
		}
		s.Services = slices.DeleteFunc(s.Services, func(svc inspect.Service) bool { return len(svc.IPFamilies) == 0 })
		s.Blocks = slices.DeleteFunc(s.Blocks, func(b inspect.IPAMBlock) bool { return b.Family() == other })
		for i := range s.Nodes {
			s.Nodes[i].Address.Set(other, netip.Prefix{})
			s.Nodes[i].Tunnel.Set(other, netip.Addr{})
			s.Nodes[i].InternalIPs = slices.DeleteFunc(s.Nodes[i].InternalIPs, is)
		}
		Tables(func(_ string, t *inspect.NodeTable) {
			removeDevice(t, other)
			t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool { return r.Family() == other })
			t.Addresses = slices.DeleteFunc(t.Addresses, func(a inspect.LinkAddress) bool { return a.Family() == other })
		})(s)
		if f == inspect.IPv4 {
			s.Calico.FelixEnv.IPv6Support = ptr(false)
		}
		onlySystem(s, other)
	}
}

// removeDevice removes a tunnel device with all its entries in the kernel.
func removeDevice(t *inspect.NodeTable, f inspect.Family) {
	dev := Device(f)
	t.Links = slices.DeleteFunc(t.Links, func(l inspect.Link) bool { return l.Name == dev })
	t.FDB = slices.DeleteFunc(t.FDB, func(e inspect.FDBEntry) bool { return e.Dev == dev })
	downDevice(t, f)
}

// downDevice removes the entries that the kernel drops when a device goes down: neighbours, routes, and IPv6 addresses.
// Permanent forwarding entries stay (drivers/net/vxlan, vxlan_stop).
func downDevice(t *inspect.NodeTable, f inspect.Family) {
	dev := Device(f)
	t.Neighbors = slices.DeleteFunc(t.Neighbors, func(n inspect.Neighbor) bool { return n.Dev == dev })
	t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool { return r.Dev == dev })
	t.Addresses = slices.DeleteFunc(t.Addresses, func(a inspect.LinkAddress) bool {
		return a.Link == dev && (f == inspect.IPv6 || !hasLink(t, dev))
	})
}

func hasLink(t *inspect.NodeTable, name string) bool {
	return slices.ContainsFunc(t.Links, func(l inspect.Link) bool { return l.Name == name })
}
