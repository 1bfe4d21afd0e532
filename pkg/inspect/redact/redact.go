// Package redact makes copies of a Snapshot that can be shown to strangers.
//
// Every string, address and Ethernet address is replaced unless a list says otherwise, so a new field of the Snapshot is
// safe by default: walk.go finds the values by their type, fields.go has the rule for each string, words.go lists the
// kept words.
package redact

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Snapshot returns a copy of the Snapshot that can be shown to strangers: names, labels and addresses are replaced, each
// by the same everywhere, so that every inspector finds the same in the copy as in the original. Each call draws a new
// key and forgets it: two copies of a Snapshot share only their structure.
//
// Snapshot replaces names of all kinds, the keys and values of labels, handles, unique identifiers, addresses (see
// addressMap) and Ethernet addresses. It derives again the names that Felix and Calico derive from others: the addresses
// of VXLAN devices, the names of pods' interfaces. It keeps numbers, times and switches, and the words that every cluster
// has (see words.go): kube-system, eth0, Running, the leading digits of a version. A fixed sentence replaces the reason
// of a read error, which may quote any text of a server.
//
// A pool's node selector that asks for part of a value (contains, starts with, ends with) may select other nodes than
// before.
func Snapshot(s *inspect.Snapshot) *inspect.Snapshot {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return redact(s, key)
}

func redact(s *inspect.Snapshot, key [32]byte) *inspect.Snapshot { return newRedactor(s, key).copy(s) }

// redactor replaces the parts of one Snapshot.
type redactor struct {
	nodes, namespaces, pods, services, slices, pools, containers, ports, roles, keys, values, handles, uids, accounts, tiers, peers, filters *nameMap

	key     [32]byte
	seeing  bool // names are being collected, nothing is replaced yet
	fields  map[string]func(string) string
	addrs   *addressMap
	vteps   map[inspect.MAC]inspect.MAC
	devices map[string]string // replaced so far
	asns    map[inspect.ASN]inspect.ASN
	links   []string // the names of all devices, sorted
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
		ports:      newNameMap("port", "http", "https", "dns", "dns-tcp", "metrics"),
		roles:      newNameMap("role", "control-plane", "master", "worker"),
		keys:       newNameMap("label", commonLabels()...),
		values:     newNameMap("value", "true", "false", "linux", "windows", "amd64", "arm64"),
		handles:    newNameMap("handle", "windows-reserved-ipam-handle"),
		uids:       newNameMap("uid"),
		accounts:   newNameMap("account", "default"),
		tiers:      newNameMap("tier", calicoTiers()...),
		peers:      newNameMap("peer"),
		filters:    newNameMap("filter"),
		key:        key,
		vteps:      map[inspect.MAC]inspect.MAC{},
		devices:    map[string]string{},
		asns:       map[inspect.ASN]inspect.ASN{},
	}
	r.addrs = newAddressMap(key, r.mac)
	r.fields = r.fieldRules()
	r.seeing = true
	r.copy(s)
	r.seeing = false
	for _, m := range []*nameMap{
		r.nodes, r.namespaces, r.pods, r.services, r.slices, r.pools, r.containers, r.ports, r.roles, r.keys, r.values,
		r.handles, r.uids, r.accounts, r.tiers, r.peers, r.filters,
	} {
		m.number()
	}
	r.derive(s)
	return r
}

// copy returns a copy in which everything is replaced.
func (r *redactor) copy(s *inspect.Snapshot) *inspect.Snapshot {
	out := *s
	v := reflect.ValueOf(&out).Elem()
	r.rule(v.Type(), "")(v)
	return &out
}

// derive computes again what Felix and Calico compute from names.
func (r *redactor) derive(s *inspect.Snapshot) {
	for node := range r.nodes.seen {
		for _, f := range inspect.Families() {
			r.vteps[calico.VTEPMAC(node, f.Is6())] = calico.VTEPMAC(r.nodes.of(node), f.Is6())
		}
	}
	for _, p := range s.Pods {
		r.devices[calico.PodInterface(p.Namespace, p.Name)] = calico.PodInterface(r.namespaces.of(p.Namespace), r.pods.of(p.Name))
	}
	for _, t := range s.Tables {
		for _, l := range t.Links {
			r.links = append(r.links, l.Name)
		}
	}
	slices.Sort(r.links)
	r.links = slices.Compact(r.links)
}

// mac replaces an Ethernet address. A VXLAN device gets the address that Felix derives from the node's new name, and a
// multicast address stays multicast. The zero address, broadcast, and Calico's address of every pod interface's host end
// (ee:ee:ee:ee:ee:ee) stay.
func (r *redactor) mac(m inspect.MAC) inspect.MAC {
	if replaced, ok := r.vteps[m]; ok {
		return replaced
	}
	if m.IsZero() || m == (inspect.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) || m == (inspect.MAC{0xee, 0xee, 0xee, 0xee, 0xee, 0xee}) {
		return m
	}
	sum := r.hash("Ethernet", m[:])
	return inspect.MAC{0x02 | m[0]&1, sum[0], sum[1], sum[2], sum[3], sum[4]} // locally administered
}

// asn replaces the number of an autonomous system by a private one, in the order in which they are met. Calico's default stays.
func (r *redactor) asn(n inspect.ASN) inspect.ASN {
	const firstPrivate = calico.DefaultASN + 1
	if r.seeing || n == 0 || n == calico.DefaultASN {
		return n
	}
	if _, ok := r.asns[n]; !ok {
		r.asns[n] = firstPrivate + inspect.ASN(len(r.asns))
	}
	return r.asns[n]
}

// hash returns a keyed hash for one purpose.
func (r *redactor) hash(purpose string, b []byte) []byte {
	h := hmac.New(sha256.New, r.key[:])
	h.Write([]byte(purpose))
	h.Write(b)
	return h.Sum(nil)
}

// text replaces a string without a rule.
func (r *redactor) text(s string) string {
	if s == "" {
		return ""
	}
	return "text-" + hex.EncodeToString(r.hash("text", []byte(s)))[:12]
}
