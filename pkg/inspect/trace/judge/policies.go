package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/policy"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// Flow is a way that the packets of a path may take, one for each endpoint of a service, with what policies say of it.
type Flow struct {
	To       trace.Endpoint
	Protocol string // TCP, UDP or ICMP
	Port     uint16
	Verdicts []policy.Verdict // of egress, and of ingress unless that is denied
}

// decision is the verdict that matters: the first that does not allow, else the last.
func (f *Flow) decision() policy.Verdict {
	for _, v := range f.Verdicts {
		if v.Decision != policy.Allowed {
			return v
		}
	}
	return f.Verdicts[len(f.Verdicts)-1]
}

// denied is a path whose packets policies drop, unless the counters show that they pass there.
func denied(f *Findings, g gap) *inspect.Finding {
	p := &f.Path
	if p.Result.Refused || len(f.Flows) == 0 {
		return nil
	}
	for i := range f.Flows {
		if v := f.Flows[i].decision(); v.Decision != policy.Denied || !lostAt(p, g, v.Egress) {
			return nil
		}
	}
	return deniedFlow(f, &f.Flows[0])
}

// Denied reports whether policies deny all of the ways that packets may take.
func Denied(flows []Flow) bool {
	return len(flows) > 0 && !slices.ContainsFunc(flows, func(f Flow) bool { return f.decision().Decision != policy.Denied })
}

// deniedEndpoint is a service with endpoints that policies deny: connections to these fail.
func deniedEndpoint(f *Findings, g gap) *inspect.Finding {
	for i := range f.Flows {
		if v := f.Flows[i].decision(); v.Decision == policy.Denied && !f.Path.Result.Refused && lostAt(&f.Path, g, v.Egress) {
			cause := deniedFlow(f, &f.Flows[i])
			return trace.Reworded(cause, "endpoint %s cannot be reached: %s", endName(f.Flows[i].To), cause.Summary)
		}
	}
	return nil
}

// lostAt reports whether the packets get as far as where policies are enforced: at the source's cable for egress, which is the
// first thing that they meet, and before the target's cable for ingress. What policies deny does not get further, whatever
// counters say that other traffic moves as well.
func lostAt(p *trace.Path, g gap, egress bool) bool {
	if egress || g.silent < 0 || g.noisy || p.Hops[g.silent].Return {
		return true
	}
	return p.Hops[g.silent].Component == trace.ComponentVeth || p.Target.Kind == trace.Svc
}

// DeniedBy words what denies a flow, or nil.
func DeniedBy(f Findings, flow Flow) *inspect.Finding {
	if flow.decision().Decision != policy.Denied {
		return nil
	}
	return deniedFlow(&f, &flow)
}

// deniedFlow words what denies a connection, and what rule would admit it.
func deniedFlow(f *Findings, flow *Flow) *inspect.Finding {
	p, v := &f.Path, flow.decision()
	node, direction, preposition, peer := flow.To.Node, "ingress", "from", sourceText(p.Source)
	if v.Egress {
		node, direction, preposition, peer = p.Source.Node, "egress", "to", endName(flow.To)
	}
	var what string
	if v.Rule > 0 {
		what = fmt.Sprintf("%s rule %d of %s denies it", direction, v.Rule, v.Policy)
	} else {
		what = fmt.Sprintf("no %s rule of %s admits %s %s %s", direction, orList(v.Deciding()), describe(p.Family, flow), preposition, peer)
	}
	cause := trace.Cause(trace.PolicyDrops, node, showPolicies(v.Deciding(), f.CalicoGroup), "the request is dropped by policy: %s", what)
	if v.Tier != "" && v.Tier != "default" {
		cause.Summary += " (tier " + v.Tier + ")"
	}
	if v.Rule == 0 {
		cause.Mend = fmt.Sprintf("add an %s rule to %s that allows %s %s %s", direction, v.Deciding()[0], describe(p.Family, flow), preposition, peer)
	}
	return cause
}

// describe words a kind of connection: "TCP port 8080 in IPv6", "echo requests in IPv4".
func describe(family inspect.Family, flow *Flow) string {
	if flow.Protocol == "ICMP" {
		name := "ICMP"
		if family == inspect.IPv6 {
			name = "ICMPv6"
		}
		return name
	}
	return fmt.Sprintf("%s %s port %d", family, flow.Protocol, flow.Port)
}

func endName(e trace.Endpoint) string {
	switch {
	case e.Name != "" && e.IP.IsValid():
		return e.Name + " (" + e.IP.String() + ")"
	case e.Name != "":
		return e.Name
	}
	return e.IP.String()
}

func orList(policies []*inspect.Policy) string {
	var names []string
	for _, p := range policies {
		names = append(names, p.String())
	}
	return listed(names)
}

// showPolicies is a command that shows policies of one kind and namespace: the first and those like it.
func showPolicies(policies []*inspect.Policy, calicoGroup string) string {
	if len(policies) == 0 {
		return ""
	}
	first := policies[0]
	args := []string{"get", PolicyResource(first, calicoGroup)}
	if first.Namespace != "" {
		args = append(args, "-n", first.Namespace)
	}
	for _, p := range policies {
		if p.Kind == first.Kind && p.Namespace == first.Namespace && len(args) < most+4 {
			args = append(args, p.Name)
		}
	}
	return trace.Kubectl(append(args, "-o", "yaml")...)
}

// PolicyResource is a policy's resource, for kubectl. Several kinds share their short name, so that the group is needed.
func PolicyResource(p *inspect.Policy, calicoGroup string) string {
	group, _, _ := strings.Cut(calicoGroup, "/")
	if group == "" {
		group = calico.CRDGroup
	}
	switch p.Kind {
	case "NetworkPolicy":
		return "networkpolicies.networking.k8s.io"
	case "Calico NetworkPolicy":
		return "networkpolicies." + group
	case "GlobalNetworkPolicy":
		return "globalnetworkpolicies." + group
	case "ClusterNetworkPolicy":
		return "clusternetworkpolicies.policy.networking.k8s.io"
	}
	return strings.ToLower(strings.TrimSuffix(p.Kind, "y")) + "ies.policy.networking.k8s.io"
}

// filters says who may drop a packet of a path within a node, and what shows it.
func filters(f *Findings, node string) (who, show string) {
	show = showFilters(f, node)
	if len(f.Flows) == 0 {
		return "a network policy or a firewall drops it", show
	}
	var unsure, admitting []string
	var policies []*inspect.Policy
	for i := range f.Flows {
		switch v := f.Flows[i].decision(); v.Decision {
		case policy.Unknown:
			text := "whether " + orList(v.Deciding()) + " does was not judged: " + v.Why
			if !slices.Contains(unsure, text) {
				unsure, policies = append(unsure, text), append(policies, v.Deciding()...)
			}
		case policy.Allowed:
			for _, v := range f.Flows[i].Verdicts {
				if text := v.String(); v.Policy != nil && !slices.Contains(admitting, text) {
					admitting = append(admitting, text)
				}
			}
		}
	}
	switch {
	case len(unsure) > 0:
		return "a network policy or a firewall drops it (" + unsure[0] + ")", showPolicies(policies, f.CalicoGroup)
	case len(admitting) > 0:
		return "a firewall drops it, or Felix's rules are not those of the policies, which admit it (" + listed(admitting) + ")", show
	}
	if f.selected() {
		return "a firewall drops it, before the policy that would", show
	}
	return "a firewall drops it; no network policy selects its ends", show
}

// showFilters is a command that shows the rules of a node, by the tool that its rules are made with.
func showFilters(f *Findings, node string) string {
	if f.NFTables {
		return trace.OnNode(node, "nft", "list", "ruleset")
	}
	return trace.OnNode(node, iptables(f.Path.Family), "-L", "FORWARD", "-nv")
}
