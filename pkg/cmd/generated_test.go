package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/graph"
)

// TestDocsContract holds the kinds and keys of every inspector against those that docs/output.md promises.
func TestDocsContract(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "output.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| command | kind | keys |\n|---|---|---|\n")
	for _, i := range Inspectors() {
		fmt.Fprintf(&table, "| %s | %s | %s |\n", i.Name, i.Kind, strings.Join(jsonKeys(i.Row), " "))
	}
	want := regexp.MustCompile(`(?m)^\| command \|.*\n(\|.*\n)*`).ReplaceAllLiteralString(string(page), table.String())
	if testutil.Update() {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(string(page), want); diff != "" {
		t.Errorf("docs/output.md (-), the program (+); \"make docs\" rewrites it:\n%s", diff)
	}
}

// jsonKeys are the keys of a struct in JSON, with those of what it embeds.
func jsonKeys(row reflect.Type) []string {
	var keys []string
	for i := range row.NumField() {
		field := row.Field(i)
		switch key, _, _ := strings.Cut(field.Tag.Get("json"), ","); {
		case field.Anonymous && key == "":
			keys = append(keys, jsonKeys(field.Type)...)
		case key != "-":
			keys = append(keys, key)
		}
	}
	return keys
}

// TestSecurityNames holds that SECURITY.md says of every inspector what it executes.
func TestSecurityNames(t *testing.T) {
	table := read(t, "SECURITY.md")
	for _, i := range Inspectors() {
		row := regexp.MustCompile("(?m)^\\|.*`" + i.Name + "`.*\\|").FindString(table)
		if reads := strings.Contains(row, "each node's tables"); row == "" || reads != (i.Verifies) {
			t.Errorf("SECURITY.md says of %s %q; it reads the tables of nodes: %t", i.Name, row, i.Verifies)
		}
	}
}

// resource is what the API calls a fact.
type resource struct{ group, name, only string }

// resources are what is read for each fact of which a role speaks. Node tables have roles of their own; Calico's version
// is had from what they allow.
func resources() map[inspect.Fact][]resource {
	const crd, operator, networking, policies = "crd.projectcalico.org", "operator.tigera.io", "networking.k8s.io", "policy.networking.k8s.io"
	return map[inspect.Fact][]resource{
		inspect.FactNodes: {{"", "nodes", ""}}, inspect.FactPods: {{"", "pods", ""}}, inspect.FactServices: {{"", "services", ""}},
		inspect.FactEvents:         {{"", "events", ""}},
		inspect.FactEndpointSlices: {{"discovery.k8s.io", "endpointslices", ""}},
		inspect.FactPools:          {{crd, "ippools", ""}},
		inspect.FactBlocks:         {{crd, "ipamblocks", ""}},
		inspect.FactFelix:          {{crd, "felixconfigurations", ""}},
		inspect.FactBGP:            {{crd, "bgpconfigurations", ""}},
		inspect.FactBGPPeers:       {{crd, "bgppeers", ""}},
		inspect.FactIPAMConfig:     {{crd, "ipamconfigs", ""}},
		inspect.FactServiceCIDRs:   {{networking, "servicecidrs", ""}},
		inspect.FactPolicies: {{networking, "networkpolicies", ""}, {"", "namespaces", ""}, {crd, "networkpolicies", ""},
			{crd, "globalnetworkpolicies", ""}, {crd, "networksets", ""}, {crd, "globalnetworksets", ""}, {crd, "tiers", ""},
			{policies, "adminnetworkpolicies", ""}, {policies, "baselineadminnetworkpolicies", ""}, {policies, "clusternetworkpolicies", ""}},
		inspect.FactOperator:  {{operator, "installations", ""}, {operator, "tigerastatuses", ""}},
		inspect.FactLab:       {{"", "configmaps", "dualstack-lab"}},
		inspect.FactKubeadm:   {{"", "configmaps", "kubeadm-config"}},
		inspect.FactKubeProxy: {{"", "configmaps", "kube-proxy"}},
		inspect.FactCoreDNS:   {{"", "configmaps", "coredns"}},
		inspect.FactCNI:       {{"", "configmaps", "calico-config, cni-config, canal-config"}},
	}
}

// rolesOf are the roles that docs/rbac.md shows: of the inspectors that read the API alone, or of what reads nodes too.
func rolesOf(which string) string {
	var all []string
	for _, i := range Inspectors() {
		if (which == "nodes") == i.Verifies {
			all = append(all, roleOf(i.Name, i.Needs, i.Named, i.Subject))
		}
	}
	if which == "nodes" {
		var needs []inspect.Fact
		for _, rule := range check.Rules() {
			needs = append(needs, rule.Needs...)
		}
		all = append(all, roleOf("check", needs, false, ""), roleOf("graph", graph.Needs(), false, ""),
			roleOf("snapshot", inspect.Facts(), false, ""))
	}
	return strings.Join(all, "---\n")
}

// roleOf is the least role of a command. Objects that are named on its command line are got, all others listed.
func roleOf(name string, needs []inspect.Fact, named bool, subject inspect.Fact) string {
	type key struct{ group, verbs, only string }
	var keys []key
	rules := map[key][]string{}
	for _, fact := range inspect.Facts() {
		if !slices.Contains(needs, fact) {
			continue
		}
		for _, r := range resources()[fact] {
			k := key{r.group, "list", r.only}
			switch {
			case r.only != "":
				k.verbs = "get"
			case named && fact == subject:
				k.verbs = "get, list"
			}
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
			rules[k] = append(rules[k], r.name)
		}
	}
	text := "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: dualstack-" + name + "\nrules:\n"
	for _, k := range keys {
		group := k.group
		if group == "" {
			group = `""`
		}
		text += fmt.Sprintf("- apiGroups: [%s]\n  resources: [%s]\n", group, strings.Join(rules[k], ", "))
		if k.only != "" {
			text += fmt.Sprintf("  resourceNames: [%s]\n", k.only)
		}
		text += fmt.Sprintf("  verbs: [%s]\n", k.verbs)
	}
	return text
}
