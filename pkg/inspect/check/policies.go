package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico/selector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The codes of section policies.
const (
	PolicyOneFamily  inspect.Code = "DS1001"
	PolicyWorldIn1   inspect.Code = "DS1002"
	PolicyNoICMPv6   inspect.Code = "DS1003"
	PolicyIPv6Unused inspect.Code = "DS1004"
)

func policyRules() []Rule {
	facts := []inspect.Fact{inspect.FactPolicies, inspect.FactPods, inspect.FactNodes, inspect.FactPools, inspect.FactServices}
	mend := "add the other family's ranges beside these: ::/0 beside 0.0.0.0/0; or select pods, which is the same in both families"
	return []Rule{
		{
			Code: PolicyOneFamily, Section: Policies, Severity: inspect.SeverityWarning, Needs: facts,
			Title: "policies admit one family to or from pods, and so drop the other",
			Why: "the policies that select a pod admit what any of them names, and drop the rest. They name ranges of one family only, mostly from before the cluster had " +
				"two.",
			Mend:    mend,
			Reports: []string{"projectcalico/calico#1923"},
			Find:    func(c *Cluster) []inspect.Finding { return c.oneSided(PolicyOneFamily) },
		},
		{
			Code: PolicyWorldIn1, Section: Policies, Severity: inspect.SeverityWarning, Needs: facts,
			Title: "policies admit all addresses of one family, and of the other selected pods only",
			Why:   "a rule for 0.0.0.0/0 opens a pod to or for everything outside in IPv4. Without one for ::/0, IPv6 is admitted only between the pods that rules select.",
			Mend:  mend,
			Find:  func(c *Cluster) []inspect.Finding { return c.oneSided(PolicyWorldIn1) },
		},
		{
			Code: PolicyNoICMPv6, Section: Policies, Severity: inspect.SeverityInfo, Needs: facts,
			Title: "policies admit ICMP in IPv4, and no ICMPv6",
			Why: "Calico's protocol ICMP is IPv4's. Without a rule for ICMPv6, ping fails in IPv6 although connections work. Neighbour discovery and messages about known " +
				"connections (packet too big) pass in any case.",
			Mend: "add a rule with protocol: ICMPv6 beside the one with ICMP",
			Find: func(c *Cluster) []inspect.Finding { return c.oneSided(PolicyNoICMPv6) },
		},
		{
			Code: PolicyIPv6Unused, Section: Policies, Severity: inspect.SeverityWarning,
			Needs:   []inspect.Fact{inspect.FactPolicies, inspect.FactFelix, inspect.FactNodes, inspect.FactPools, inspect.FactServices},
			Follows: []inspect.Code{IPv6SupportOff},
			Title:   "policies have rules for IPv6, which have no effect",
			Why:     "with IPv6 support off, Felix writes no ip6tables rules at all: IPv6 to and from the hosts and pods passes by all policies.",
			Mend:    "turn IPv6 support on (FELIX_IPV6SUPPORT=true)",
			Reports: []string{"projectcalico/calico#3133", "projectcalico/calico#3448"},
			Find:    policiesWithoutEffect,
		},
	}
}

// admitted is what the policies that select a pod admit in one direction and family.
type admitted struct {
	any      bool // everything
	world    bool // every address, by a range
	nets     bool // some ranges
	selected bool // what a rule selects otherwise
	ping     bool // the family's ICMP, by its name
	icmp     bool // the family's ICMP, by its name or among other protocols
}

func (a admitted) some() bool { return a.any || a.nets }

// familyOf returns the family of a rule: its own, or that of its ICMP.
func familyOf(r *inspect.PolicyRule) inspect.Family {
	switch {
	case r.Family != 0:
		return r.Family
	case strings.EqualFold(r.Protocol, "ICMP"):
		return inspect.IPv4
	case strings.EqualFold(r.Protocol, "ICMPv6"):
		return inspect.IPv6
	}
	return 0
}

// add adds what a rule admits in a family.
func (a *admitted) add(r *inspect.PolicyRule, f inspect.Family) {
	if !familyOf(r).Matches(f) || !strings.EqualFold(r.Action, "Allow") && !strings.EqualFold(r.Action, "Pass") {
		return
	}
	if strings.HasPrefix(strings.ToUpper(r.Protocol), "ICMP") {
		a.ping, a.icmp = true, true // and nothing else
		return
	}
	a.icmp = a.icmp || r.Protocol == ""
	chooses := r.Peer().Chooses()
	a.selected = a.selected || chooses
	if len(r.Peer().Nets) == 0 {
		a.any = a.any || !chooses
		return
	}
	for _, p := range r.Peer().Nets {
		if inspect.FamilyOf(p.Addr()) == f {
			a.nets, a.world = true, a.world || p.Bits() == 0
		}
	}
}

// oneSided reports whether a rule finds something in what is admitted in a family and in the other one.
func oneSided(code inspect.Code, in, rest admitted) bool {
	switch code {
	case PolicyOneFamily:
		return rest.some() && !in.some() && !in.selected
	case PolicyWorldIn1:
		return (rest.any || rest.world) && !in.some() && in.selected
	default:
		return rest.ping && !in.icmp && (in.some() || in.selected)
	}
}

// groups returns the running pods with two families, those together that no policy tells apart.
func (c *Cluster) groups() [][]*inspect.Pod {
	index := map[string]int{}
	var all [][]*inspect.Pod
	for i := range c.Pods {
		p := &c.Pods[i]
		if !running(p) || len(p.IPs) < 2 {
			continue
		}
		key := p.Namespace + " " + labels.Set(p.Labels).String()
		at, ok := index[key]
		if !ok {
			at = len(all)
			index[key] = at
			all = append(all, nil)
		}
		all[at] = append(all[at], p)
	}
	return all
}

// selecting returns a test for the pods that a policy selects. It says no where the selector cannot be read.
func selecting(policy *inspect.Policy) func(*inspect.Pod) bool {
	match := func(p *inspect.Pod) bool {
		// Labels that Calico gives to the pods of Kubernetes.
		own := map[string]string{"projectcalico.org/namespace": p.Namespace, "projectcalico.org/orchestrator": "k8s"}
		maps.Copy(own, p.Labels)
		ok, err := selector.Selects(policy.Selector, own)
		return err == nil && ok
	}
	if !policy.Calico {
		parsed, err := labels.Parse(policy.Selector)
		match = func(p *inspect.Pod) bool { return err == nil && parsed.Matches(labels.Set(p.Labels)) }
	}
	return func(p *inspect.Pod) bool {
		return (policy.Namespace == "" || policy.Namespace == p.Namespace) && match(p)
	}
}

// namesFamily reports whether an allowing rule of a policy is for one family only: without such a rule, families are alike.
func namesFamily(p *inspect.Policy) bool {
	return slices.ContainsFunc(p.Rules, func(r inspect.PolicyRule) bool { return len(r.Peer().Nets) > 0 || familyOf(&r) != 0 })
}

// oneSided finds pods whose policies treat the families differently, once for each set of policies, direction and family.
func (c *Cluster) oneSided(code inspect.Code) []inspect.Finding {
	if !c.Dual() || !slices.ContainsFunc(c.Policies, func(p inspect.Policy) bool { return namesFamily(&p) }) {
		return nil
	}
	tests := make([]func(*inspect.Pod) bool, len(c.Policies))
	for i := range c.Policies {
		tests[i] = selecting(&c.Policies[i])
	}
	index := map[string]int{}
	var cases []policyCase
	for _, g := range c.groups() {
		var these []*inspect.Policy
		for i := range c.Policies {
			if tests[i](g[0]) {
				these = append(these, &c.Policies[i])
			}
		}
		if !slices.ContainsFunc(these, namesFamily) {
			continue
		}
		for _, egress := range []bool{false, true} {
			for _, f := range inspect.Families() {
				found := policyCase{egress: egress, family: f}
				if !found.judge(code, these) {
					continue
				}
				key := fmt.Sprint(found.names(), egress, f)
				at, ok := index[key]
				if !ok {
					at = len(cases)
					index[key] = at
					cases = append(cases, found)
				}
				for _, p := range g {
					cases[at].pods = append(cases[at].pods, p.Namespace+"/"+p.Name)
				}
			}
		}
	}
	var findings []inspect.Finding
	for i := range cases {
		findings = append(findings, cases[i].finding(code, c.Calico.APIGroup))
	}
	return findings
}

// policyCase is a set of policies that drops a family of pods in a direction.
type policyCase struct {
	egress   bool
	family   inspect.Family
	policies []*inspect.Policy // those that admit something of the other family
	pods     []string
}

// judge looks at the policies that select pods.
func (c *policyCase) judge(code inspect.Code, selecting []*inspect.Policy) bool {
	var in, rest admitted
	isolated := false
	for _, p := range selecting {
		if c.egress && !p.Egress || !c.egress && !p.Ingress {
			continue
		}
		isolated = isolated || !p.Narrowed()
		var of admitted
		for i := range p.Rules {
			if r := &p.Rules[i]; r.Egress == c.egress {
				in.add(r, c.family)
				rest.add(r, c.family.Other())
				of.add(r, c.family.Other())
			}
		}
		if code == PolicyNoICMPv6 && of.ping || code != PolicyNoICMPv6 && of.some() {
			c.policies = append(c.policies, p)
		}
	}
	return isolated && oneSided(code, in, rest)
}

func (c *policyCase) names() []string {
	var all []string
	for _, p := range c.policies {
		all = append(all, p.String())
	}
	return all
}

func (c *policyCase) finding(code inspect.Code, group string) inspect.Finding {
	first := c.policies[0]
	what, direction := "", "to"
	if c.egress {
		direction = "from"
	}
	switch code {
	case PolicyOneFamily:
		what = fmt.Sprintf("policies drop all %s %s %s: they admit %s only", c.family, direction, some(len(c.pods), "pod", c.pods), c.family.Other())
	case PolicyWorldIn1:
		what = fmt.Sprintf("policies admit every %s address %s %s, and in %s only selected pods", c.family.Other(), direction, some(len(c.pods), "pod", c.pods), c.family)
	default:
		what = fmt.Sprintf("policies admit ICMP %s %s in %s, and not in %s", direction, some(len(c.pods), "pod", c.pods), c.family.Other(), c.family)
	}
	f := inspect.Finding{Subject: first.String(), Family: c.family, Summary: what}
	for _, p := range c.policies[:min(3, len(c.policies))] {
		f.Evidence = append(f.Evidence, fmt.Sprintf("%s names %s, and no %s range", p, ranges(p, c.egress, c.family.Other()), c.family))
	}
	f.Mend = "add the " + c.family.String() + " ranges: " + editPolicy(first, group)
	if code == PolicyNoICMPv6 {
		f.Mend = "add a rule for the other ICMP: " + editPolicy(first, group)
	}
	return f
}

// ranges names what a policy admits of a family.
func ranges(p *inspect.Policy, egress bool, f inspect.Family) string {
	var all []string
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Egress != egress {
			continue
		}
		if familyOf(r) == f && len(r.Peer().Nets) == 0 {
			all = append(all, strings.TrimSpace(r.Protocol+" "+f.String()))
		}
		for _, n := range r.Peer().Nets {
			if inspect.FamilyOf(n.Addr()) == f {
				all = append(all, n.String())
			}
		}
	}
	if len(all) == 0 {
		return "any " + f.String()
	}
	text := strings.Join(all[:min(3, len(all))], ", ")
	if len(all) > 3 {
		text += ", …"
	}
	return text
}

func editPolicy(p *inspect.Policy, group string) string {
	api, _, _ := strings.Cut(group, "/")
	switch {
	case !p.Calico:
		return fmt.Sprintf("kubectl -n %s edit networkpolicy %s", p.Namespace, p.Name)
	case p.Namespace != "":
		return fmt.Sprintf("kubectl -n %s edit networkpolicies.%s %s", p.Namespace, api, p.Name)
	}
	return fmt.Sprintf("kubectl edit globalnetworkpolicies.%s %s", api, p.Name)
}

// policiesWithoutEffect finds policies with rules for IPv6, while Felix writes none. In a cluster that does not use IPv6,
// only a rule with ipVersion 6 shows that somebody counts on it: ranges of both families are common in charts.
func policiesWithoutEffect(c *Cluster) []inspect.Finding {
	var off []string
	for _, n := range c.Nodes {
		if n.OS != "windows" && c.ipv6Off(n.Name) {
			off = append(off, n.Name)
		}
	}
	if len(off) == 0 {
		return nil
	}
	var names []string
	for i := range c.Policies {
		p := &c.Policies[i]
		if slices.ContainsFunc(p.Rules, func(r inspect.PolicyRule) bool {
			return r.Family == inspect.IPv6 || c.Uses(inspect.IPv6) && slices.ContainsFunc(r.Peer().Nets, rangeOf(inspect.IPv6))
		}) {
			names = append(names, p.String())
		}
	}
	if len(names) == 0 {
		return nil
	}
	verb := "have"
	if len(names) == 1 {
		verb = "has"
	}
	return []inspect.Finding{{Subject: names[0], Family: inspect.IPv6,
		Summary:  fmt.Sprintf("%s %s rules for IPv6 without effect: IPv6 support is off in Felix", policiesOf(names), verb),
		Evidence: []string{fmt.Sprintf("IPv6 support is off on %s", some(len(off), "node", off))},
		Mend:     fmt.Sprintf("kubectl -n %s set env daemonset/calico-node FELIX_IPV6SUPPORT=true", c.Calico.Node.Namespace)}}
}

// ipv6Off reports whether Felix leaves IPv6 alone on a node.
func (c *Cluster) ipv6Off(node string) bool {
	on := c.felix(node, func(s inspect.FelixSettings) *bool { return s.IPv6Support })
	return on != nil && !*on
}

func policiesOf(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("%d policies (%s, …)", len(names), names[0])
}
