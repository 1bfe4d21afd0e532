// Package redact makes copies of a Snapshot that can be shown to strangers.
package redact

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Snapshot returns a copy of the Snapshot that can be shown to strangers: names, labels and addresses are replaced,
// each by the same wherever it stands, so that every inspector finds in the copy what it finds in the original. It
// draws a new key each time, which nobody learns: two copies of a Snapshot have nothing in common but their
// structure.
//
// Replaced are the names of nodes, namespaces, pods, services, pools, containers, ports, roles and the lab, the keys
// and values of labels, handles and unique identifiers, addresses (see addressMap) and Ethernet addresses. The names
// that Felix and Calico derive from others are derived anew: the addresses of VXLAN devices, the names of pods'
// interfaces. Kept are the names that every cluster has (kube-system, kube-dns, labels of kubernetes.io), those of
// devices, settings, versions and counters. Reasons why something could not be read, which quote whatever a server
// said, are dropped.
//
// A pool's node selector that asks for part of a value (contains, starts with, ends with) may select other nodes than
// before.
func Snapshot(s *inspect.Snapshot) *inspect.Snapshot {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return redact(s, key)
}

func redact(s *inspect.Snapshot, key [32]byte) *inspect.Snapshot {
	r := newRedactor(s, key)
	out := &inspect.Snapshot{
		Taken:          s.Taken,
		Tool:           s.Tool,
		Gathered:       slices.Clone(s.Gathered),
		Missing:        each(s.Missing, r.missing),
		Nodes:          each(s.Nodes, r.node),
		Pods:           each(s.Pods, r.pod),
		Services:       each(s.Services, r.service),
		EndpointSlices: each(s.EndpointSlices, r.slice),
		Pools:          each(s.Pools, r.pool),
		Blocks:         each(s.Blocks, r.block),
		Calico:         r.calico(s.Calico),
		Lab:            r.lab(s.Lab),
	}
	if s.Tables != nil {
		out.Tables = make(map[string]inspect.NodeTable, len(s.Tables))
	}
	for node, t := range s.Tables {
		out.Tables[r.nodes.of(node)] = r.table(t)
	}
	return out
}

// each maps a slice. None stays none.
func each[T any](in []T, f func(T) T) []T {
	if in == nil {
		return nil
	}
	out := make([]T, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

// redactor replaces the parts of one Snapshot.
type redactor struct {
	nodes, namespaces, pods, services, slices, pools, containers, ports, roles, keys, values, handles, uids *nameMap

	addrs   *addressMap
	cipher  cipher.Block // for MACs and interfaces
	vteps   map[inspect.MAC]inspect.MAC
	devices map[string]string // names of pods' interfaces
}

func newRedactor(s *inspect.Snapshot, key [32]byte) *redactor {
	r := &redactor{
		nodes:      newNameMap("node"),
		namespaces: newNameMap("namespace", commonNamespaces()...),
		pods:       newNameMap("pod"),
		services:   newNameMap("service", "kubernetes", "kube-dns"),
		slices:     newNameMap("slice"),
		pools:      newNameMap("pool"),
		containers: newNameMap("container"),
		ports:      newNameMap("port"),
		roles:      newNameMap("role", "control-plane", "master", "worker"),
		keys:       newNameMap("label", commonLabels()...),
		values:     newNameMap("value", "true", "false", "linux", "windows", "amd64", "arm64"),
		handles:    newNameMap("handle", "windows-reserved-ipam-handle"),
		uids:       newNameMap("uid"),
		cipher:     block(key, "Ethernet"),
	}
	r.see(s)
	for _, m := range []*nameMap{
		r.nodes, r.namespaces, r.pods, r.services, r.slices, r.pools, r.containers, r.ports, r.roles, r.keys, r.values,
		r.handles, r.uids,
	} {
		m.number()
	}
	r.addrs = newAddressMap(key, r.mac)
	r.derive(s)
	return r
}

// commonNamespaces are those that clusters have of themselves, or by Calico or Kind.
func commonNamespaces() []string {
	return []string{
		"default", "kube-system", "kube-public", "kube-node-lease", "calico-system", "calico-apiserver", "tigera-operator",
		"local-path-storage",
	}
}

// commonLabels are keys without a domain that many use.
func commonLabels() []string {
	return []string{"app", "k8s-app", "component", "tier", "name", "pod-template-hash", "controller-revision-hash"}
}

// derive computes anew what Felix and Calico compute from names.
func (r *redactor) derive(s *inspect.Snapshot) {
	r.vteps = map[inspect.MAC]inspect.MAC{}
	for node := range r.nodes.seen {
		for _, f := range inspect.Families() {
			r.vteps[calico.VTEPMAC(node, f.Is6())] = calico.VTEPMAC(r.nodes.of(node), f.Is6())
		}
	}
	r.devices = map[string]string{}
	for _, p := range s.Pods {
		r.devices[calico.PodInterface(p.Namespace, p.Name)] = calico.PodInterface(r.namespaces.of(p.Namespace), r.pods.of(p.Name))
	}
}

// mac replaces an Ethernet address. That of a VXLAN device becomes the one that Felix gives the node under its new
// name. Kept are none at all, groups, and the one that Calico gives its end of every pod's interface
// (ee:ee:ee:ee:ee:ee).
func (r *redactor) mac(m inspect.MAC) inspect.MAC {
	if replaced, ok := r.vteps[m]; ok {
		return replaced
	}
	if m.IsZero() || m[0]&1 == 1 || m == (inspect.MAC{0xee, 0xee, 0xee, 0xee, 0xee, 0xee}) {
		return m
	}
	sum := r.hash(m[:])
	return inspect.MAC{0x02, sum[0], sum[1], sum[2], sum[3], sum[4]} // locally administered
}

func (r *redactor) hash(b []byte) [aes.BlockSize]byte {
	var in, out [aes.BlockSize]byte
	copy(in[:], b)
	r.cipher.Encrypt(out[:], in[:])
	return out
}

// device replaces the name of a pod's interface, and keeps others.
func (r *redactor) device(name string) string {
	if replaced, ok := r.devices[name]; ok {
		return replaced
	}
	if !strings.HasPrefix(name, "cali") {
		return name
	}
	sum := r.hash([]byte(name))
	replaced := "cali" + hex.EncodeToString(sum[:])[:11]
	r.devices[name] = replaced
	return replaced
}

func (r *redactor) missing(m inspect.Missing) inspect.Missing {
	return inspect.Missing{Fact: m.Fact, Node: r.nodes.of(m.Node), Reason: "the reason was redacted"}
}

func (r *redactor) lab(l inspect.Lab) inspect.Lab {
	if l.Name != "" {
		l.Name = "lab"
	}
	l.External = inspect.ByFamily[netip.Addr]{V4: r.addrs.addr(l.External.V4), V6: r.addrs.addr(l.External.V6)}
	l.Gateway = inspect.ByFamily[netip.Addr]{V4: r.addrs.addr(l.Gateway.V4), V6: r.addrs.addr(l.Gateway.V6)}
	l.Fabric = inspect.ByFamily[netip.Prefix]{V4: r.addrs.network(l.Fabric.V4), V6: r.addrs.network(l.Fabric.V6)}
	return l
}

func (r *redactor) calico(c inspect.Calico) inspect.Calico {
	if c.Felix == nil {
		return c
	}
	felix := make(map[string]inspect.FelixSettings, len(c.Felix))
	for name, settings := range c.Felix {
		if node, ok := strings.CutPrefix(name, felixNodePrefix); ok {
			felix[felixNodePrefix+r.nodes.of(node)] = settings
		} else if name == felixDefault {
			felix[name] = settings
		}
	}
	c.Felix = felix
	return c
}

// The FelixConfigurations that Felix reads: that of all nodes, and that of one, which begins with felixNodePrefix.
const (
	felixDefault    = "default"
	felixNodePrefix = "node."
)
