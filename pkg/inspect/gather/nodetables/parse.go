package nodetables

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/budget"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// Parse turns the output of Script into the tables of the node, all or nothing: if a section cannot be read, the
// node's tables are unknown, since an unread row must never look like an absent row. An error that
// wraps access.ErrInconclusive says that reading again may help.
//
// The one exception is a kernel without IPv6, known by the absence of its sysctls: its IPv6 tables are empty.
func Parse(out []byte) (inspect.NodeTable, error) { return parseTables(out, budget.New(maxBuilt)) }

// parseTables is Parse within a budget.
func parseTables(out []byte, left *budget.Budget) (inspect.NodeTable, error) {
	sections, err := access.Sections(out)
	if err != nil {
		return inspect.NodeTable{}, err
	}
	p := newParser(left)
	for _, s := range p.steps() {
		sec, ok := sections[s.name]
		if !ok {
			return inspect.NodeTable{}, fmt.Errorf("section %s is not in the output: %w", s.name, access.ErrInconclusive)
		}
		if s.family == inspect.IPv6 && !p.hasIPv6() {
			continue
		}
		if err := check(s.name, sec); err != nil {
			return inspect.NodeTable{}, err
		}
		if err := s.parse(sec.Out, s.family); err != nil {
			return inspect.NodeTable{}, fmt.Errorf("section %s: %w", s.name, err)
		}
	}
	return p.table, nil
}

// interrupted is iproute2's message, with exit code 0, when a table changed during the dump (lib/libnetlink.c).
const interrupted = "Dump was interrupted"

// check says why a section cannot be used, if so.
func check(name string, s access.Section) error {
	if strings.Contains(s.Stderr, interrupted) {
		return fmt.Errorf("section %s: the table changed while it was read: %w", name, access.ErrInconclusive)
	}
	if s.Code == 0 {
		return nil
	}
	reason := fmt.Sprintf("exit code %d", s.Code)
	if s.Stderr != "" {
		reason += ": " + s.Stderr
	}
	return fmt.Errorf("section %s: %s (the tables are read with iproute2's ip -json)", name, reason)
}

// parser fills a NodeTable section by section.
type parser struct {
	table inspect.NodeTable
	names map[string]string // interned names of devices, tables and protocols
	vxlan []string          // names of the VXLAN devices
	left  *budget.Budget    // for the whole NodeTable
}

// maxBuilt is how much memory the tables of a node may take, in bytes: some two hundred thousand routes.
const maxBuilt = 48 << 20

func newParser(left *budget.Budget) *parser { return &parser{names: map[string]string{}, left: left} }

// add adds a row to a table of the parser, within its budget.
func add[T any](p *parser, table *[]T, row T) error {
	longer, err := budget.Append(p.left, *table, row)
	if err == nil {
		*table = longer
	}
	return err
}

// step parses one section; a section without a family holds both families.
type step struct {
	name   string
	family inspect.Family
	parse  func(b []byte, f inspect.Family) error
}

// steps lists the sections in the order in which they build on one another: the sysctls tell whether there is IPv6,
// the links which forwarding tables belong to VXLAN devices.
func (p *parser) steps() []step {
	return []step{
		{sectionSysctl, 0, p.sysctls},
		{sectionLink, 0, p.links},
		{sectionAddr, 0, p.addresses},
		{sectionRoute4, inspect.IPv4, p.routes},
		{sectionRoute6, inspect.IPv6, p.routes},
		{sectionRule4, inspect.IPv4, p.rules},
		{sectionRule6, inspect.IPv6, p.rules},
		{sectionNeigh4, inspect.IPv4, p.neighbors},
		{sectionNeigh6, inspect.IPv6, p.neighbors},
		{sectionFDB, 0, p.fdb},
	}
}

func (p *parser) hasIPv6() bool {
	_, ok := p.table.Sysctls["net.ipv6.conf.all.disable_ipv6"]
	return ok
}

// intern returns one string for all equal ones: thousands of rows name the same few devices.
func (p *parser) intern(s string) string {
	if known, ok := p.names[s]; ok {
		return known
	}
	p.names[s] = s
	return s
}

// sysctlCost is the memory of a sysctl beside its text, in bytes: its share of a map.
const sysctlCost = 128

// ofPod reports whether a setting is that of a pod's device, and as Felix sets it: there are many of these, and they say nothing.
func ofPod(path, value string) bool {
	_, setting, ok := strings.Cut(path, "/conf/"+calico.InterfacePrefix)
	if !ok {
		return false
	}
	v4 := strings.HasPrefix(path, "ipv4/")
	switch _, name, _ := strings.Cut(setting, "/"); name {
	case "forwarding", "proxy_arp":
		return !v4 || value != "0"
	case "disable_ipv6":
		return value != "1"
	default:
		return true
	}
}

// sysctls reads lines such as "ipv4/conf/all/rp_filter:1". The key is the path below net, with dots.
func (p *parser) sysctls(b []byte, _ inspect.Family) error {
	p.table.Sysctls = map[string]string{}
	for line := range strings.Lines(string(b)) {
		path, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || ofPod(path, value) {
			continue
		}
		if err := p.left.Spend(sysctlCost + len(line)); err != nil {
			return err
		}
		p.table.Sysctls["net."+strings.ReplaceAll(path, "/", ".")] = value
	}
	return nil
}

type neighborRow struct {
	Dst    string `json:"dst"`
	Dev    string `json:"dev"`
	LLAddr string `json:"lladdr"`
	State  states `json:"state"`
}

// permanent is the state of entries that a program added, not learned ones (linux/neighbour.h, NUD_PERMANENT).
const permanent = "PERMANENT"

// states are the states of an entry: its first, and whether one of them is permanent.
type states struct {
	first     text
	permanent bool
}

// UnmarshalJSON keeps the states that matter from a list of any length.
func (s *states) UnmarshalJSON(b []byte) error {
	return eachRow(b, func(state text) error {
		if s.first == "" {
			s.first = state
		}
		s.permanent = s.permanent || state == permanent
		return nil
	})
}

// state is the state in one word. FDB entries and proxies have several; only permanence matters.
func (r neighborRow) state() string {
	if r.State.permanent {
		return permanent
	}
	return string(r.State.first)
}

// mac is the zero MAC if there is no Ethernet address: tunnels of other kinds have their own addresses.
func (r neighborRow) mac() inspect.MAC {
	m, err := inspect.ParseMAC(r.LLAddr)
	if err != nil {
		return inspect.MAC{}
	}
	return m
}

func (p *parser) neighbors(b []byte, f inspect.Family) error {
	return eachRow(b, func(r neighborRow) error {
		if r.Dst == "" {
			return nil
		}
		ip, err := parseAddr(r.Dst, f)
		if err != nil {
			return err
		}
		return add(p, &p.table.Neighbors, inspect.Neighbor{
			Dev: p.intern(r.Dev), IP: ip, MAC: r.mac(), State: p.intern(r.state()),
		})
	})
}

// fdb reads the forwarding entries of all devices and keeps those of VXLAN devices. The others are the multicast groups
// that every interface listens to.
func (p *parser) fdb(b []byte, _ inspect.Family) error {
	return eachRow(b, func(r neighborRow) error {
		if !slices.Contains(p.vxlan, r.Dev) {
			return nil
		}
		e := inspect.FDBEntry{Dev: p.intern(r.Dev), MAC: r.mac(), Permanent: r.State.permanent}
		if r.Dst != "" {
			vtep, err := parseAddr(r.Dst, 0)
			if err != nil {
				return err
			}
			e.VTEP = vtep
		}
		return add(p, &p.table.FDB, e)
	})
}

// parseAddr reads an address of the family. The kernel knows no zones; one could hold any text.
func parseAddr(s string, f inspect.Family) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, err
	}
	if a.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("address %q has a zone", s)
	}
	if !f.Matches(inspect.FamilyOf(a)) {
		return netip.Addr{}, fmt.Errorf("address %s is not one of %s", a, f)
	}
	return a, nil
}
