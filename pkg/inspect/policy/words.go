package policy

import (
	"fmt"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// most is how many policies a sentence names.
const most = 3

// String says in words what decides: "NetworkPolicy default/web, ingress rule 1".
func (v Verdict) String() string {
	direction := "ingress"
	if v.Egress {
		direction = "egress"
	}
	switch {
	case v.Policy != nil && v.Rule > 0:
		return fmt.Sprintf("%s, %s rule %d", v.Policy, direction, v.Rule)
	case v.Policy != nil:
		return v.Policy.String()
	case v.Decision == Denied:
		return fmt.Sprintf("no %s rule of %s", direction, names(v.Selecting))
	}
	return "no policy"
}

// Names names policies, the first ones of many.
func names(policies []*inspect.Policy) string {
	var all []string
	for _, p := range policies {
		all = append(all, p.String())
	}
	if rest := len(all) - most; rest > 0 {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", rest)
	}
	return strings.Join(all, " or ")
}

// Deciding are the policies that decide: the one with the rule, or those whose rules do not match.
func (v Verdict) Deciding() []*inspect.Policy {
	if v.Policy != nil {
		return []*inspect.Policy{v.Policy}
	}
	return v.Selecting
}
