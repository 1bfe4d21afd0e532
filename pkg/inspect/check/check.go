// Package check answers why a cluster is not dual-stack: rules with permanent codes, each a pure function over a
// Snapshot, whose findings are folded under those that cause them.
//
// A section is one file, and a rule is one entry of its list. It says what it needs, so that a fact that could not be
// read makes the rule "not checked", and never silent. It does no I/O.
package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The reasons of omissions. The part is the code of a rule, and the explanation says why.
const (
	NotChecked    = "not checked"
	PartlyChecked = "not checked on every node"
)

// Kind is the kind of a row.
const Kind = "Finding"

// Section groups rules in the order in which one would look.
type Section string

// The sections, in order.
const (
	Kubernetes Section = "kubernetes"
	Host       Section = "host"
	Calico     Section = "calico"
	Pools      Section = "pools"
	Pods       Section = "pods"
	Tables     Section = "tables"
	Services   Section = "services"
	KubeProxy  Section = "kube-proxy"
	DNS        Section = "dns"
	Policies   Section = "policies"
	BGP        Section = "bgp"
)

// Sections lists them in order.
func Sections() []Section {
	return []Section{Kubernetes, Host, Calico, Pools, Pods, Tables, Services, KubeProxy, DNS, Policies, BGP}
}

// Rule finds one kind of trouble.
type Rule struct {
	Code     inspect.Code // permanent; the hundreds are the section's
	Section  Section
	Title    string           // what its findings have in common, in one line
	Severity inspect.Severity // of a finding that does not say otherwise
	Needs    []inspect.Fact
	// Follows lists the rules whose findings explain those of this one: see reaches.
	Follows []inspect.Code
	// Why says how it comes about, and Mend how to repair it: both for the rule's page.
	Why, Mend string
	// Reports are the public reports that the rule comes from (PROJECT#NUMBER).
	Reports []string
	// Find returns what it finds. Code, section and severity are filled in afterwards.
	Find func(*Cluster) []inspect.Finding
}

// Rules returns all rules, in order of their codes.
func Rules() []Rule {
	return slices.Concat(kubernetesRules(), hostRules(), calicoRules(), poolRules(), podRules(), tableRules(), serviceRules(),
		kubeProxyRules(), dnsRules(), policyRules(), bgpRules())
}

// Needs lists the facts that some rules go by.
func Needs(rules []Rule) []inspect.Fact {
	var facts []inspect.Fact
	for _, f := range inspect.Facts() {
		if slices.ContainsFunc(rules, func(r Rule) bool { return slices.Contains(r.Needs, f) }) {
			facts = append(facts, f)
		}
	}
	return facts
}

// Filter limits a report. The zero value is everything.
type Filter struct {
	Family inspect.Family
	Node   string
}

func (f Filter) matches(finding *inspect.Finding) bool {
	return (finding.Family == 0 || f.Family.Matches(finding.Family)) &&
		(f.Node == "" || finding.Node == "" || finding.Node == f.Node)
}

// Analyze runs the rules. Findings are in order of their rules; each names the codes that it follows from. A rule whose
// facts are missing is in Omitted, with the reason.
func Analyze(s *inspect.Snapshot, rules []Rule, filter Filter) *inspect.Report[inspect.Finding] {
	c := newCluster(s)
	report := inspect.NewReport[inspect.Finding](Kind, nil)
	for _, r := range rules {
		omit := func(what, why string) { // once for each reason
			report.Omitted = append(report.Omitted, inspect.Omission{Reason: what, Part: string(r.Code),
				Subjects: []string{r.Title}, Explanation: why})
		}
		if reasons := c.lacks(r); len(reasons) > 0 {
			for _, reason := range reasons {
				omit(NotChecked, reason)
			}
			continue
		}
		if reason, _ := c.unread(r); reason != "" {
			omit(PartlyChecked, reason)
		}
		for _, f := range r.Find(c) {
			f.Code, f.Section, f.Severity = r.Code, string(r.Section), cmp.Or(f.Severity, r.Severity)
			f.Mend = cmp.Or(f.Mend, c.fill(r.Mend, &f))
			if filter.matches(&f) {
				report.Items = append(report.Items, f)
			}
		}
	}
	fold(report.Items, rules)
	return report
}

// fold notes for each finding the codes that it follows from. A cluster that is badly broken has a finding for each pair of
// nodes, so causes are looked up by where they hold and not compared one by one.
func fold(findings []inspect.Finding, rules []Rule) {
	follows := map[inspect.Code][]inspect.Code{}
	for _, r := range rules {
		follows[r.Code] = r.Follows
	}
	causes := map[scope]bool{}
	for i := range findings {
		for _, s := range holds(&findings[i]) {
			causes[s] = true
		}
	}
	for i := range findings {
		f := &findings[i]
		for _, code := range follows[f.Code] {
			if slices.ContainsFunc(reaches(code, f), func(s scope) bool { return causes[s] }) {
				f.CausedBy = append(f.CausedBy, code)
			}
		}
	}
}

// scope is where a finding holds: without a node, on the whole cluster; without a family, in both.
type scope struct {
	code   inspect.Code
	node   string
	family inspect.Family
}

// A finding holds on some node and in some family too. What is about no node in particular asks for that.
const (
	someNode   = "*" // no node can have this name
	someFamily = inspect.Family(1)
)

// holds returns where a finding can be the cause of others: on its node and for its remote node, in its family.
func holds(f *inspect.Finding) []scope {
	nodes := []string{someNode, f.Node}
	if f.Node != "" && f.RemoteNode != "" {
		nodes = append(nodes, f.RemoteNode)
	}
	return scopes(f.Code, nodes, []inspect.Family{someFamily, f.Family})
}

// reaches returns where a cause of a code explains a finding: what holds for the cluster explains what is on a node, what
// is wrong with a node explains what others have for it, and what holds for both families explains what is in one.
func reaches(code inspect.Code, f *inspect.Finding) []scope {
	nodes, families := []string{"", f.Node}, []inspect.Family{0, f.Family}
	if f.Node == "" {
		nodes = []string{someNode}
	} else if f.RemoteNode != "" {
		nodes = append(nodes, f.RemoteNode)
	}
	if f.Family == 0 {
		families = []inspect.Family{someFamily}
	}
	return scopes(code, nodes, families)
}

func scopes(code inspect.Code, nodes []string, families []inspect.Family) []scope {
	all := make([]scope, 0, len(nodes)*len(families))
	for _, node := range nodes {
		for _, family := range families {
			all = append(all, scope{code, node, family})
		}
	}
	return all
}

// Roots returns the findings that follow from no other, the worst first, and for each code how many findings follow it.
func Roots(findings []inspect.Finding) (roots []inspect.Finding, followers map[inspect.Code]int) {
	followers = map[inspect.Code]int{}
	for _, f := range findings {
		if len(f.CausedBy) == 0 {
			roots = append(roots, f)
			continue
		}
		for _, code := range f.CausedBy {
			followers[code]++
		}
	}
	slices.SortStableFunc(roots, func(a, b inspect.Finding) int { return cmp.Compare(rank(a.Severity), rank(b.Severity)) })
	return roots, followers
}

// rank orders severities, the worst first.
func rank(s inspect.Severity) int {
	return slices.Index([]inspect.Severity{inspect.SeverityError, inspect.SeverityWarning, inspect.SeverityUnknown, inspect.SeverityInfo}, s)
}

// Checked counts the rules that were checked, if only on some nodes.
func Checked(report *inspect.Report[inspect.Finding], rules []Rule) int {
	return len(rules) - omitted(report, NotChecked)
}

func omitted(report *inspect.Report[inspect.Finding], what string) int {
	rules := map[string]bool{}
	for _, o := range report.Omitted {
		if o.Reason == what {
			rules[o.Part] = true
		}
	}
	return len(rules)
}

// Verdict sums up in one sentence the report of some rules. It names the root causes.
func Verdict(s *inspect.Snapshot, report *inspect.Report[inspect.Finding], rules []Rule) string {
	roots, _ := Roots(report.Items)
	var parts []string
	for _, severity := range []inspect.Severity{inspect.SeverityError, inspect.SeverityWarning, inspect.SeverityUnknown} {
		var codes []string
		n := 0
		for _, f := range roots {
			if f.Severity == severity {
				codes = append(codes, string(f.Code))
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s (%s)", inspect.Quantity(n, nouns()[severity]), strings.Join(slices.Compact(codes), ", ")))
		}
	}
	switch {
	case Checked(report, rules) == 0:
		return newCluster(s).stack() + ": nothing could be checked"
	case len(parts) == 0 && Checked(report, rules) < len(rules)/2: // little is known, and that comes first
		parts = []string{fmt.Sprintf("nothing wrong found by %d of %d rules", Checked(report, rules), len(rules))}
	case len(parts) == 0:
		parts = []string{"nothing wrong found"}
	}
	if n := len(report.Items) - len(roots); n > 0 {
		parts = append(parts, inspect.Quantity(n, "consequence"))
	}
	for _, reason := range []string{NotChecked, PartlyChecked} {
		if n := omitted(report, reason); n > 0 {
			parts = append(parts, inspect.Quantity(n, "rule")+" "+reason)
		}
	}
	return newCluster(s).stack() + ": " + strings.Join(parts, ", ")
}

func nouns() map[inspect.Severity]string {
	return map[inspect.Severity]string{inspect.SeverityError: "error", inspect.SeverityWarning: "warning", inspect.SeverityUnknown: "unverified part"}
}
