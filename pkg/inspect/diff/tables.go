package diff

import (
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// tables are the entries of the nodes' tables.
func tables(s *inspect.Snapshot) []thing {
	var all []thing
	for node, table := range s.Tables {
		for _, t := range tableOf(&table) {
			t.node = node
			all = append(all, t)
		}
	}
	return all
}

func tableOf(table *inspect.NodeTable) []thing {
	var all []thing
	tunnels := map[string]bool{}
	for i := range table.Links {
		l := &table.Links[i]
		tunnels[l.Name] = l.VXLAN != nil
		if !ofPod(l.Name) {
			all = append(all, thing{kind: "device", subject: "device " + l.Name, fields: fieldsOf(l, "name", "index", "rxPackets", "txPackets")})
		}
	}
	for i := range table.Addresses {
		a := &table.Addresses[i]
		if !ofPod(a.Link) && !a.Prefix.Addr().IsLinkLocalUnicast() {
			all = append(all, thing{kind: "address", subject: "address " + a.Prefix.String() + " on " + a.Link, fields: fieldsOf(a, "prefix", "link")})
		}
	}
	for i := range table.Routes {
		r := &table.Routes[i]
		if !ofPod(r.Dev) && !r.Dst.Addr().IsLinkLocalUnicast() && !r.Dst.Addr().IsMulticast() {
			all = append(all, thing{kind: "route", subject: routeSubject(r), fields: fieldsOf(r, "dst", "table", "metric"), shown: []string{"type", "gateway", "dev"}})
		}
	}
	for i := range table.Rules {
		r := &table.Rules[i]
		all = append(all, thing{kind: "rule", subject: "rule " + r.Family.String(), fields: fieldsOf(r, "family"), shown: []string{"priority", "src", "dst", "table", "action"}})
	}
	for i := range table.Neighbors {
		n := &table.Neighbors[i]
		if tunnels[n.Dev] && n.State == "PERMANENT" { // others come and go
			all = append(all, thing{kind: "neighbour entry", subject: "neighbour " + n.IP.String() + " on " + n.Dev, fields: fieldsOf(n, "ip", "dev", "state"),
				shown: []string{"mac"}})
		}
	}
	for i := range table.FDB {
		e := &table.FDB[i]
		if e.VTEP.IsValid() {
			all = append(all, thing{kind: "forwarding entry", subject: "forwarding entry " + e.MAC.String() + " on " + e.Dev,
				fields: map[string]string{"vtep": e.VTEP.String()}, shown: []string{"vtep"}})
		}
	}
	for name, value := range table.Sysctls {
		if !strings.Contains(name, "."+calico.InterfacePrefix) {
			all = append(all, thing{kind: "setting", subject: "setting " + name, fields: map[string]string{"value": value}, shown: []string{"value"}})
		}
	}
	return all
}

// ofPod reports whether a device is that of a pod, by the prefixes of Calico and of other CNI plugins: it comes and goes with the pod.
func ofPod(device string) bool {
	return strings.HasPrefix(device, calico.InterfacePrefix) || strings.HasPrefix(device, "veth") || strings.HasPrefix(device, "lxc")
}

// routeSubject names a route by what the kernel chooses it by.
func routeSubject(r *inspect.Route) string {
	words := "route " + r.Dst.String()
	if r.Table != "" && r.Table != "main" {
		words += " in table " + r.Table
	}
	return words
}
