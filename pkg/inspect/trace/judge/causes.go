package judge

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// silentNode is a target on a node that does not answer at all.
func silentNode(f *Findings, _ gap) *inspect.Finding {
	p := &f.Path
	if node := SilentEnd(p, f.Silent); node != "" {
		return silent(node, "what goes to it is not answered either")
	}
	return nil
}

// SilentEnd returns the node of a path's target, or of one of its endpoints, if that is silent.
func SilentEnd(p *trace.Path, nodes []string) string {
	for _, e := range append([]trace.Endpoint{p.Target}, p.Expect.Endpoints...) {
		if e.Node != "" && slices.Contains(nodes, e.Node) {
			return e.Node
		}
	}
	return ""
}

func silent(node, effect string) *inspect.Finding {
	return trace.Cause(trace.NodeSilent, node, trace.Kubectl("describe", "node", node),
		"the kubelet of node %s does not answer: %s", node, effect)
}

// problem finds the fault in the tables that explains the loss: the first contradiction before the place of the loss. A
// device that is down explains its lost routes and neighbours. Without an endpoint there is no way at all.
func problem(f *Findings, g gap) *inspect.Finding {
	p := &f.Path
	var found *inspect.Finding
	for i := range p.Hops {
		c := p.Hops[i].Problem
		if !trace.Stops(c) {
			continue
		}
		behind := g.silent >= 0 && i > g.silent && !filtersReverse(c, p, p.Hops[g.silent])
		if (behind || p.Result.Refused) && c.Code != trace.NoEndpoint {
			continue
		}
		if found == nil || c.Code == trace.TunnelDown && c.Node == found.Node && found.Code != trace.TunnelDown {
			found = c
		}
	}
	if found == nil || p.Probe.Check != trace.Ask || found.Code != trace.NoEndpoint {
		return found
	}
	return trace.Reworded(found, "%s%s", noDNS, found.Summary)
}

// filtersReverse reports whether a wrong route of a node makes that node drop received packets before they reach the
// pod: the reverse path filter of IPv4 (rp_filter) admits a packet only on the device by which the answer would leave.
func filtersReverse(c *inspect.Finding, p *trace.Path, lost trace.Hop) bool {
	comesIn := lost.Component == trace.ComponentVeth && !lost.Return && lost.Meter.Direction == trace.TX
	return p.Family == inspect.IPv4 && comesIn && c.Node == lost.Node &&
		(c.Code == trace.NoRoute || c.Code == trace.WrongRoute || c.Code == trace.Blackhole)
}

// detour is a loss on a way through a third node. That node sees only one direction, and the rules of kube-proxy and
// Calico drop connections as invalid if they have not seen the beginning.
func detour(f *Findings, _ gap) *inspect.Finding { return detourOf(&f.Path) }

func detourOf(p *trace.Path) *inspect.Finding {
	end := ""
	for _, hop := range p.Hops {
		if !hop.Return && hop.Node != "" {
			end = hop.Node
		}
	}
	third := ""
	for _, hop := range p.Hops {
		if hop.Node != "" && hop.Node != p.Source.Node && hop.Node != end {
			third = hop.Node
		}
	}
	for _, hop := range p.Hops {
		if c := hop.Problem; c != nil && !trace.Stops(c) && c.Code == trace.WrongRoute && third != "" {
			return trace.Reworded(c, "%s: %s sees one direction only, and drops it as invalid", c.Summary, third)
		}
	}
	return nil
}

// noDNS begins the cause of an unanswered question, if the reason could apply to any service.
const noDNS = "DNS does not answer: "

// unresolved is a name that could not be resolved before the connection.
func unresolved(f *Findings, g gap) *inspect.Finding {
	p := &f.Path
	if p.Probe.Host == "" || p.Probe.Check == trace.Ask || p.Result.Resolved || p.Result.Refused || p.Result.NoRoute {
		return nil
	}
	for _, peer := range f.Peers {
		if peer.Probe.Check == trace.Ask && peer.Verdict == trace.Fail && peer.Family == p.Family && peer.Cause != nil &&
			(peer.Probe.Host == p.Probe.Host || peer.Cause.Code != trace.NoRecord) && samePod(peer.Source, p.Source) {
			return trace.Reworded(peer.Cause, "the name is not resolved: %s", peer.Cause.Summary)
		}
	}
	if cause := noRule(f, g); cause != nil {
		return cause
	}
	if cause := f.onWayToDNS(); cause != nil {
		return trace.Reworded(cause, "the name is not resolved: %s", cause.Summary)
	}
	return trace.Cause(trace.DNSSilent, "", digCommand(p), "the name %s is not resolved", p.Probe.Host)
}

// onWayToDNS is what stops packets on the way from a path's pod to one of the endpoints of DNS. The pod's own question may have gone to
// another one, and have been answered.
func (f *Findings) onWayToDNS() *inspect.Finding {
	for i := range f.Peers {
		peer := &f.Peers[i]
		if peer.Probe.Check != trace.Ask || !samePod(peer.Source, f.Path.Source) {
			continue
		}
		for _, hop := range peer.Hops {
			if trace.Stops(hop.Problem) {
				return hop.Problem
			}
		}
	}
	return nil
}

// noRule is a frontend for which its node has no rule: the target, or DNS.
func noRule(f *Findings, _ gap) *inspect.Finding {
	p := &f.Path
	at := Frontend(p)
	if f.Rule == nil || f.Rule.There || at == nil {
		return nil
	}
	family := inspect.FamilyOf(at.Address)
	cause := trace.Cause(trace.NoTranslation, at.Node, trace.OnNode(at.Node, showRules(f.Rule.Kind, at.Kind, family)...),
		"%s has no rule for %s on %s", translator(at.Kind), frontendText(at), at.Node)
	if at != p.Expect.Frontend {
		cause.Summary = noDNS + cause.Summary
	}
	return cause
}

// translator is the program that makes the rules for frontends of a kind.
func translator(kind inspect.FrontendKind) string {
	if kind == inspect.HostPort {
		return "the CNI plugin portmap"
	}
	return "kube-proxy"
}

func frontendText(at *inspect.Frontend) string {
	switch family := inspect.FamilyOf(at.Address); at.Kind {
	case inspect.NodePort:
		return fmt.Sprintf("%s node port %d", family, at.Port)
	case inspect.HostPort:
		return fmt.Sprintf("%s host port %d", family, at.Port)
	}
	return at.Address.String()
}

// showRules is a command that shows the rules for frontends of a kind, in one of kube-proxy's modes.
func showRules(mode string, kind inspect.FrontendKind, f inspect.Family) []string {
	table := "ip"
	if f == inspect.IPv6 {
		table = "ip6"
	}
	chain := "KUBE-SERVICES"
	switch kind {
	case inspect.NodePort:
		chain = "KUBE-NODEPORTS"
	case inspect.HostPort:
		chain = "CNI-HOSTPORT-DNAT"
		if mode == "nftables" {
			return []string{"nft", "list", "ruleset", table}
		}
	}
	switch mode {
	case "nftables":
		return []string{"nft", "list", "table", table, "kube-proxy"}
	case "ipvs":
		return []string{"cat", "/proc/net/ip_vs"}
	case "legacy":
		return []string{iptables(f) + "-legacy", "-t", "nat", "-S", chain}
	}
	return []string{iptables(f), "-t", "nat", "-S", chain}
}

// tooLarge is a lost large packet where small ones pass.
func tooLarge(f *Findings, g gap) *inspect.Finding {
	p := &f.Path
	small := p.Probe.Size > 0 && f.has(func(peer *trace.Path) bool {
		return peer.Verdict == trace.Pass && peer.Probe.Check == p.Probe.Check && peer.Probe.Size < p.Probe.Size &&
			samePair(peer, p)
	})
	if !small && p.Result.MTU == 0 {
		return nil
	}
	cause := trace.Cause(trace.PathMTU, "", "", "packets of %d bytes do not pass, small ones do", p.Probe.Size)
	if p.Result.MTU > 0 {
		cause.Summary = fmt.Sprintf("packets of %d bytes are too big: the MTU is %d", p.Probe.Size, p.Result.MTU)
		if p.Result.From.IsValid() {
			cause.Summary += ", says " + p.Result.From.String()
		}
	}
	if g.silent >= 0 {
		cause.Node = p.Hops[g.silent].Node
	}
	for _, hop := range p.Hops { // a wrong MTU is harmless to small packets, and the cause here
		if hop.Problem != nil && hop.Problem.Code == trace.PathMTU {
			cause.Node, cause.Command = hop.Problem.Node, hop.Problem.Command
			cause.Summary += ": " + hop.Problem.Summary
			break
		}
	}
	if cause.Command == "" {
		cause.Command = trace.OnNode(cmp.Or(cause.Node, p.Source.Node), "ip", "link")
	}
	return cause
}

// offload is the cause if ICMP passes between two nodes and TCP does not, though a program listens: its segments arrive with a
// wrong checksum. The pods that could answer count these: where they have seen none, something filters.
func offload(f *Findings, g gap) *inspect.Finding {
	p := &f.Path
	if p.Probe.Check != trace.TCP && p.Probe.Check != trace.Get || !p.Result.TimedOut || !crossesNodes(p) || p.Class.Translated() {
		return nil
	}
	if g.silent >= 0 && g.last >= 0 && p.Hops[g.last].Node == p.Hops[g.silent].Node &&
		p.Hops[g.last].Return == p.Hops[g.silent].Return {
		return nil // lost within a node: something filters
	}
	between := func(peer *trace.Path) bool {
		return peer.Family == p.Family && peer.Source.Node == p.Source.Node && peer.Target.Node == p.Target.Node
	}
	ping := f.has(func(peer *trace.Path) bool {
		return peer.Probe.Check == trace.Ping && peer.Verdict == trace.Pass && between(peer)
	})
	tcp := f.has(func(peer *trace.Path) bool {
		return peer.Probe.Check == trace.TCP && peer.Verdict == trace.Pass && between(peer)
	})
	if !ping || tcp {
		return nil
	}
	if len(f.Listening) > 0 && !slices.ContainsFunc(f.Listening, func(l PodListening) bool { return !l.Intact }) {
		return undelivered(f, g)
	}
	device := "eth0"
	for _, hop := range p.Hops {
		if hop.Meter != nil && hop.Node == p.Source.Node && hop.Meter.Direction == trace.TX && !hop.Return {
			device = hop.Meter.Device
		}
	}
	return trace.Cause(trace.Offload, p.Source.Node, trace.OnNode(p.Source.Node, "ethtool", "-k", device),
		"ICMP passes from %s to %s and TCP does not: look at the checksum offload of %s", p.Source.Node, p.Target.Node, device)
}

// undelivered is a request that seems to reach the pod, by the counters of its cable, where other traffic moves as well: the pod
// would answer.
func undelivered(f *Findings, g gap) *inspect.Finding {
	p := &f.Path
	if g.last < 0 || g.silent >= 0 && !p.Hops[g.silent].Return {
		return nil
	}
	for _, hop := range p.Hops {
		if hop.Component == trace.ComponentVeth && !hop.Return && hop.Meter != nil && hop.Node == p.Target.Node {
			return dropped(f, hop, "arrives at the node, and is not delivered to the pod")
		}
	}
	return nil
}

// brokenEndpoint is a service with an endpoint that cannot be reached from the source's node, or only by a detour: then
// pings work and connections do not.
func brokenEndpoint(f *Findings, _ gap) *inspect.Finding {
	failed := func(peer *trace.Path) *inspect.Finding {
		if peer.Verdict != trace.Fail {
			return nil
		}
		return peer.Cause
	}
	for _, why := range []func(*trace.Path) *inspect.Finding{failed, detourOf} {
		for _, e := range f.Path.Expect.Endpoints {
			if cause := f.toEndpoint(e, why); cause != nil {
				return trace.Reworded(cause, "endpoint %s cannot be reached: %s", cmp.Or(e.Name, e.IP.String()), cause.Summary)
			}
		}
	}
	return nil
}

// toEndpoint asks the paths from the source's node to the endpoint's node why it cannot be reached.
func (f *Findings) toEndpoint(e trace.Endpoint, why func(*trace.Path) *inspect.Finding) *inspect.Finding {
	for i := range f.Peers {
		peer := &f.Peers[i]
		if e.Node == "" || peer.Family != f.Path.Family || peer.Source.Node != f.Path.Source.Node || peer.Target.Node != e.Node ||
			len(peer.Expect.Endpoints) > 0 {
			continue
		}
		if cause := why(peer); cause != nil {
			return cause
		}
	}
	return nil
}

// closedPort is a node port or host port for which its node has a rule, and whose endpoints answer otherwise: something drops what comes
// to the port before it is translated.
func closedPort(f *Findings, _ gap) *inspect.Finding {
	p, at := &f.Path, f.Path.Expect.Frontend
	if at == nil || at.Kind != inspect.NodePort && at.Kind != inspect.HostPort || f.Rule == nil || !f.Rule.There || !p.Result.TimedOut {
		return nil
	}
	answered := func(peer *trace.Path) bool {
		if peer.Verdict != trace.Pass || peer.Family != p.Family || peer.Probe.Check == trace.Ask || peer.Probe.Check == trace.Ping {
			return false
		}
		return slices.ContainsFunc(p.Expect.Endpoints, func(e trace.Endpoint) bool {
			return samePod(e, peer.Target) || slices.ContainsFunc(peer.Expect.Endpoints, func(other trace.Endpoint) bool { return samePod(e, other) })
		})
	}
	if !f.has(answered) {
		return nil
	}
	return trace.Cause(trace.PolicyDrops, at.Node, trace.OnNode(at.Node, showFirewall(f, p.Family)...),
		"%s of %s is not answered, though the node has a rule for it and what is behind it answers elsewhere: a firewall on the way or on the node drops it",
		frontendText(at), at.Node)
}

// showFirewall is a command that shows all rules of a node in a family.
func showFirewall(f *Findings, family inspect.Family) []string {
	if f.NFTables {
		return []string{"nft", "list", "ruleset"}
	}
	return []string{iptables(family) + "-save"}
}

// toldByRouter is an ICMP error.
func toldByRouter(f *Findings, _ gap) *inspect.Finding {
	res := f.Path.Result
	switch {
	case res.From.IsValid() && res.Said != "":
		return trace.Cause(trace.Unreachable, "", "", "%s says: %s", res.From, res.Said)
	case res.NoRoute && res.Said != "":
		return trace.Cause(trace.NoRoute, f.Path.Source.Node, "", "no route: %s", res.Said)
	}
	return nil
}

func (f *Findings) has(match func(*trace.Path) bool) bool {
	for i := range f.Peers {
		if match(&f.Peers[i]) {
			return true
		}
	}
	return false
}

func samePod(a, b trace.Endpoint) bool { return a.Namespace == b.Namespace && a.Name == b.Name }

func samePair(a, b *trace.Path) bool {
	return samePod(a.Source, b.Source) && a.Target == b.Target && a.Family == b.Family
}

func crossesNodes(p *trace.Path) bool {
	return p.Source.Node != "" && p.Target.Node != "" && p.Source.Node != p.Target.Node
}
