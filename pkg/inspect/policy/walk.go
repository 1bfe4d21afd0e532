package policy

import (
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// answer is whether something matches. What was not read gives maybe.
type answer int

const (
	no answer = iota
	maybe
	yes
)

func (a answer) and(b answer) answer { return min(a, b) }
func (a answer) or(b answer) answer  { return max(a, b) }
func (a answer) not() answer         { return yes - a }

func is(ok bool) answer {
	if ok {
		return yes
	}
	return no
}

// walk follows the rules that apply to a connection at one pod.
type walk struct {
	set    *Set
	flow   *Flow
	pod    *inspect.Pod
	egress bool
	doubt  string // what the first maybe was about
}

// applied is a policy that selects the pod of a walk, or may.
type applied struct {
	*inspect.Policy
	selected answer
}

// applying are the policies of a tier that apply to the pod in the direction of the walk, or may, in their order.
func (w *walk) applying(t *tier) []applied {
	var all []applied
	for _, p := range t.policies {
		if w.egress && !p.Egress && !p.Unread || !w.egress && !p.Ingress && !p.Unread {
			continue
		}
		if selected := w.selects(p); selected != no {
			all = append(all, applied{p, selected})
		}
	}
	return all
}

// fromTier judges from a tier on. After all of them, Calico's profile of the pod's namespace allows.
func (w *walk) fromTier(i int) Verdict {
	for ; i < len(w.set.tiers); i++ {
		t := &w.set.tiers[i]
		if policies := w.applying(t); len(policies) > 0 {
			in := &inTier{walk: w, tier: t, next: i + 1, policies: policies}
			return in.from(0, 0)
		}
	}
	return Verdict{Decision: Allowed, Egress: w.egress}
}

// inTier is a walk within a tier that has policies for the pod.
type inTier struct {
	*walk
	tier     *tier
	next     int
	policies []applied
}

// sure are the policies that select the pod for certain.
func (t *inTier) sure() []*inspect.Policy {
	var all []*inspect.Policy
	for _, p := range t.policies {
		if p.selected == yes {
			all = append(all, p.Policy)
		}
	}
	return all
}

func (t *inTier) verdict(d Decision, p *inspect.Policy, rule int) Verdict {
	return Verdict{Decision: d, Egress: t.egress, Policy: p, Rule: rule, Tier: t.tier.Name, Selecting: t.sure()}
}

// from judges from a rule of a policy on. Where a rule may match, both ways are followed: they may lead to the same.
func (t *inTier) from(policy, rule int) Verdict {
	for ; policy < len(t.policies); policy, rule = policy+1, 0 {
		p := t.policies[policy]
		if p.Unread {
			return t.either(t.verdict(Unknown, p.Policy, 0), t.from(policy+1, 0), p.String()+" could not be read")
		}
		for ; rule < len(p.Rules); rule++ {
			r := &p.Rules[rule]
			if r.Egress != t.egress || strings.EqualFold(r.Action, "Log") {
				continue
			}
			switch p.selected.and(t.matches(p.Policy, r)) {
			case yes:
				return t.act(p.Policy, r)
			case maybe:
				return t.either(t.act(p.Policy, r), t.from(policy, rule+1), t.doubt)
			}
		}
	}
	end := t.verdict(Denied, nil, 0)
	if t.tier.Pass {
		end = t.fromTier(t.next)
	}
	if len(t.sure()) == 0 { // none of the policies may apply
		return t.either(end, t.fromTier(t.next), t.doubt)
	}
	return end
}

// act does what a matching rule says.
func (t *inTier) act(p *inspect.Policy, r *inspect.PolicyRule) Verdict {
	switch {
	case strings.EqualFold(r.Action, "Allow"):
		return t.verdict(Allowed, p, r.Number)
	case strings.EqualFold(r.Action, "Pass"):
		return t.fromTier(t.next)
	default:
		return t.verdict(Denied, p, r.Number)
	}
}

// either joins two verdicts. One of them holds, and it is not known which.
func (t *inTier) either(a, b Verdict, why string) Verdict {
	if a.Decision == b.Decision && a.Decision != Unknown {
		return a
	}
	v := t.verdict(Unknown, a.Policy, a.Rule)
	v.Why = why
	if a.Decision == Unknown && a.Why != "" {
		v.Why = a.Why
	}
	return v
}
