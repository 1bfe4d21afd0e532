package check

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// About returns the rules of some sections, for an inspector whose rows their findings are about.
func About(sections ...Section) []Rule {
	return slices.DeleteFunc(Rules(), func(r Rule) bool { return !slices.Contains(sections, r.Section) })
}

// BySubject returns the findings about each subject.
func BySubject(findings []inspect.Finding) map[string][]inspect.Finding {
	all := map[string][]inspect.Finding{}
	for _, f := range findings {
		all[f.Subject] = append(all[f.Subject], f)
		for _, subject := range f.About {
			if subject != f.Subject {
				all[subject] = append(all[subject], f)
			}
		}
	}
	return all
}

// fill puts the names that a finding knows in the place of those that the rule's page leaves open: NODE, NAMESPACE, NAME,
// POD and FAMILY.
func (c *Cluster) fill(mend string, f *inspect.Finding) string {
	kind, name, _ := strings.Cut(f.Subject, " ")
	names := map[string]string{"NODE": f.Node, "FAMILY": strings.ToLower(f.Family.String())}
	if f.Family == 0 {
		names["FAMILY"] = ""
	}
	namespace, object, namespaced := strings.Cut(name, "/")
	switch {
	case kind == "pool":
		names["NAME"] = name
	case namespaced:
		names["NAMESPACE"], names["NAME"] = namespace, object
		if kind == "pod" {
			names["POD"] = object
		}
	}
	if strings.Contains(mend, "daemonset/"+calico.NodeName) {
		names["NAMESPACE"] = c.Calico.Node.Namespace
	}
	return regexp.MustCompile(`\b[A-Z]+\b`).ReplaceAllStringFunc(mend, func(word string) string { return cmp.Or(names[word], word) })
}

// Fails reports whether a finding of this severity makes the exit code 2 with --fail-on. What could not be verified does,
// unless nothing is to: Never.
func Fails(s, failOn inspect.Severity) bool {
	return failOn != Never && (s == inspect.SeverityError || s == inspect.SeverityUnknown || s == failOn)
}

// Never is the value of --fail-on with which the exit code is 0 whatever is found.
const Never inspect.Severity = "never"
