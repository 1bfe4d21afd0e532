//go:build e2e

package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// bgpLab creates the lab of the tests of BGP, which ends with the test.
func bgpLab(t *testing.T, args ...string) *lab {
	t.Helper()
	l := ownLab(t, "e2e-bgp")
	l.mustPlugin(t, l.createArgs(args...)...)
	return l
}

// settled waits until no inspector finds anything wrong: sessions come up one after the other.
func settled(t *testing.T, l *lab) {
	t.Helper()
	eventually(t, "all sessions and routes are ok", func() bool {
		return l.plugin(t, "bgp").code == 0 && l.plugin(t, "routes").code == 0
	})
}

// TestBGP takes a lab without tunnels from its creation, through faults of its sessions in one family, to its end.
func TestBGP(t *testing.T) {
	takesTurns(t, true)
	needsBuilt(t, "images with BIRD")
	l := bgpLab(t, "--routing", "bgp")
	settled(t, l)
	t.Run("healthy", func(t *testing.T) { healthyBGP(t, l) })
	for _, f := range bgpFaults(t, l) {
		t.Run(f.name, func(t *testing.T) { f.try(t, l) })
	}
	t.Run("restart", func(t *testing.T) {
		docker(t, "restart", l.name+"-worker")
		l.mustPlugin(t, "lab", "create", "--name", l.name)
		settled(t, l)
		l.mustPlugin(t, "lab", "status", "--name", l.name)
	})
}

// TestBGPMixed: IPv4 by VXLAN and IPv6 by BGP, as many clusters have it.
func TestBGPMixed(t *testing.T) {
	takesTurns(t, false)
	needsBuilt(t, "images with BIRD")
	file := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(file, []byte("apiVersion: dualstack/v1alpha1\nkind: Lab\nipv6: {encapsulation: None}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := bgpLab(t, "--config", file)
	settled(t, l)
	healthyBGP(t, l)
	for _, i := range []string{"vxlan", "fdb", "neighbors"} {
		if out := l.mustPlugin(t, i); !strings.Contains(out, "vxlan.calico") || strings.Contains(out, "vxlan-v6.calico") {
			t.Errorf("%s of a lab with tunnels in IPv4 only:\n%s", i, out)
		}
	}
}

// healthyBGP: nothing is found, every path passes, and the sessions are those that BIRD shows.
func healthyBGP(t *testing.T, l *lab) {
	t.Helper()
	for _, args := range [][]string{{"bgp"}, {"bgp", "--node-access", "runtime"}, {"routes"}, {"vxlan"}, {"check"}, {"lab", "status", "--name", l.name}} {
		if r := l.plugin(t, args...); r.code != 0 {
			t.Error(r)
		}
	}
	paths, r := tracePaths(t, l)
	check(t, paths, r)
	rows := items[bgp.Session](t, l.mustPlugin(t, "bgp", "-o", "json"))
	const want = 3 * 2 * 2 // each node, with each other, in each family
	if len(rows) != want {
		t.Errorf("%d sessions, want %d", len(rows), want)
	}
	for _, node := range l.nodes() {
		for f, client := range map[inspect.Family]string{inspect.IPv4: "birdcl", inspect.IPv6: "birdcl6"} {
			var own, birds []string
			for _, row := range rows {
				if row.Node == node && row.Family == f {
					own = append(own, fmt.Sprintf("%s %s", row.Peer, row.State)) // BIRD computes the time anew at each question
				}
			}
			for line := range strings.Lines(l.onNode(t, node, client+" show protocols")) {
				if fields := strings.Fields(line); len(fields) > 5 && fields[1] == "BGP" {
					peer, _ := netip.ParseAddr(strings.NewReplacer("Mesh_", "", "_", map[inspect.Family]string{inspect.IPv4: ".", inspect.IPv6: ":"}[f]).Replace(fields[0]))
					birds = append(birds, fmt.Sprintf("%s %s", peer, fields[5]))
				}
			}
			slices.Sort(own)
			slices.Sort(birds)
			if !slices.Equal(own, birds) {
				t.Errorf("%s of %s: bgp shows %q, BIRD %q", f, node, own, birds)
			}
		}
	}
}

// onNode runs a script in the container calico-node of a node.
func (l *lab) onNode(t testing.TB, node, script string) string {
	t.Helper()
	pod := strings.TrimSpace(l.kubectl(t, "get", "pod", "-n", "kube-system", "-l", "k8s-app=calico-node", "--field-selector", "spec.nodeName="+node, "-o", "name"))
	return l.kubectl(t, "exec", "-n", "kube-system", "-c", "calico-node", pod, "--", "sh", "-c", script)
}

// bgpFault is a fault of IPv6's sessions, and what must be said of it.
type bgpFault struct {
	name         string
	inject, heal func(t *testing.T)
	row          string // of bgp: NODE PEER STATUS, and a part of its problem; empty: every row is ok
	says         string
	cause        string // of trace, in every failed path between the nodes; empty: no path fails
	code         string // of check: the one root cause
	// causes are what the cause of a path may say instead, where the two ends see it each in its way.
	causes []string
}

func (f *bgpFault) try(t *testing.T, l *lab) {
	t.Cleanup(func() {
		f.heal(t)
		settled(t, l)
	})
	f.inject(t)
	var rows []bgp.Session
	eventually(t, "bgp says so, and IPv4 is as before", func() bool {
		rows = items[bgp.Session](t, l.plugin(t, "bgp", "-o", "json").out)
		ipv4 := slices.ContainsFunc(rows, func(r bgp.Session) bool { return r.Family == inspect.IPv4 && r.Status != inspect.StatusOK })
		return !ipv4 && (slices.ContainsFunc(rows, f.matches) || f.row == "" && l.plugin(t, "routes").code != 0)
	})
	for _, r := range rows {
		if r.Status != inspect.StatusOK && (f.row == "" || r.Family == inspect.IPv4) {
			t.Errorf("the row of another session, or of the other family: %s %s %s: %s", r.Node, r.Family, r.Peer, r.Details())
		}
	}
	// The probes of calico-node ask BIRD of IPv4 alone.
	if ready := l.kubectl(t, "get", "pod", "-n", "kube-system", "-l", "k8s-app=calico-node", "-o", `jsonpath={.items[*].status.containerStatuses[*].ready}`); strings.Contains(ready, "false") {
		t.Logf("calico-node is ready: %s", ready)
	}
	if r := l.plugin(t, "check", "-o", "json"); f.code != "" {
		var roots []string
		for _, finding := range items[inspect.Finding](t, r.out) {
			if len(finding.CausedBy) == 0 && finding.Severity != inspect.SeverityInfo && !slices.Contains(roots, string(finding.Code)) {
				roots = append(roots, string(finding.Code))
			}
		}
		if got := strings.Join(roots, " "); got != f.code {
			t.Errorf("root causes of check: %s, want %s\n%s", got, f.code, l.plugin(t, "check").out)
		}
	}
	paths, _ := tracePaths(t, l, "--run", "^cross-node/")
	failed := 0
	for _, p := range paths {
		switch {
		case p.Verdict == trace.Skip:
		case p.Family == inspect.IPv4 && p.Verdict != trace.Pass:
			t.Errorf("%s: %s", p.Name, p.Verdict)
		case p.Verdict == trace.Fail:
			failed++
			known := slices.ContainsFunc(append(f.causes, f.says), func(text string) bool { return strings.Contains(p.Cause.Summary, text) })
			if string(p.Cause.Code) != f.cause || !known {
				t.Errorf("%s: %s: %s, want %s: …%s…", p.Name, p.Cause.Code, p.Cause.Summary, f.cause, append(f.causes, f.says))
			}
		}
	}
	if (failed > 0) != (f.cause != "") {
		t.Errorf("%d paths failed", failed)
	}
}

func (f *bgpFault) matches(r bgp.Session) bool {
	return f.row != "" && r.Family == inspect.IPv6 && strings.HasPrefix(strings.Join(strings.Fields(fmt.Sprint(r.Node, " ", r.Peer, " ", r.Status)), " "), f.row) &&
		strings.Contains(r.Details(), f.says)
}

// bgpFaults lists them.
func bgpFaults(t *testing.T, l *lab) []bgpFault {
	const pool = "default-ipv6-ippool"
	w, w2 := l.name+"-worker", l.name+"-worker2"
	on := func(node, script string) func(*testing.T) {
		return func(t *testing.T) { l.onNode(t, node, script) }
	}
	objects := func(manifest string) (inject, heal func(*testing.T)) {
		file := manifestFile(t, manifest)
		return kubectls(l, "create", "-f", file), kubectls(l, "delete", "-f", file)
	}
	peer := func(name, spec string) string {
		return "---\napiVersion: crd.projectcalico.org/v1\nkind: BGPPeer\nmetadata: {name: " + name + "}\nspec: {" + spec + "}\n"
	}
	const meshOff = "apiVersion: crd.projectcalico.org/v1\nkind: BGPConfiguration\nmetadata: {name: default}\nspec: {nodeToNodeMeshEnabled: false, asNumber: 64512}\n"
	ipv4 := peer("v4-0", "peerIP: 10.10.10.10, asNumber: 64512") + peer("v4-1", "peerIP: 10.10.10.11, asNumber: 64512")
	ipv6 := peer("v6-0", "peerIP: 'fd00:10:10::10', asNumber: 64512")
	oneFamily, oneFamilyHealed := objects(meshOff + ipv4)
	nobody, nobodyHealed := objects(meshOff + ipv4 + peer("v6-none", "peerIP: 'fd00:10:10::10', asNumber: 64512, nodeSelector: has(rack)"))
	wrongAS, wrongASHealed := objects(meshOff + ipv4 + ipv6 + peer("v6-1", "peerIP: 'fd00:10:10::11', asNumber: 65099"))
	dead, deadHealed := objects(peer("dead", "peerIP: 'fd00:10:10::77', asNumber: 64512, node: "+w))
	const drop = "for c in INPUT OUTPUT; do for p in sport dport; do ip6tables -%s $c -p tcp --$p 179 -j DROP; done; done"
	mesh := "Mesh_" + strings.ReplaceAll("fd00:10:10::12", ":", "_")
	return []bgpFault{
		{name: "bird6 has ended", inject: on(w2, "sv down bird6"), heal: on(w2, "sv up bird6"),
			row: w + " fd00:10:10::12 wrong", says: "bird6 of node " + w2 + " does not answer", cause: "bgp", code: "DS1101"},
		{name: "TCP 179 is dropped", inject: on(w2, fmt.Sprintf(drop, "I")+"; birdcl6 restart all >/dev/null"), heal: on(w2, fmt.Sprintf(drop, "D")+"; birdcl6 restart all"),
			row: w2 + " fd00:10:10::11 wrong", says: "not established", cause: "bgp", code: "DS1103"},
		{name: "a session that is switched off", inject: on(w, "birdcl6 disable "+mesh), heal: on(w, "birdcl6 enable "+mesh),
			row: w + " fd00:10:10::12 wrong", says: "not established", cause: "bgp", code: "DS1103"},
		{name: "peers of IPv4 alone", inject: oneFamily, heal: oneFamilyHealed,
			row: w + " invalid IP missing", says: "no BGPPeer gives node", cause: "bgp", code: "DS1110"},
		{name: "the peer of IPv6 selects no node", inject: nobody, heal: nobodyHealed,
			row: w + " invalid IP missing", says: "no BGPPeer gives node", cause: "bgp", code: "DS1108"},
		{name: "another AS number", inject: wrongAS, heal: wrongASHealed,
			row: l.name + "-control-plane fd00:10:10::11 wrong", says: "AS number than 65099", cause: "bgp", code: "DS1103",
			causes: []string{"AS number than 64512", "has no session with node"}},
		{name: "the pool is not told of", inject: kubectls(l, "patch", "ippool", pool, "--type=merge", "-p", `{"spec":{"disableBGPExport":true}}`),
			heal: kubectls(l, "patch", "ippool", pool, "--type=merge", "-p", `{"spec":{"disableBGPExport":false}}`), cause: "bgp", code: "DS1109"},
		{name: "no IPv6 address", inject: kubectls(l, "annotate", "node", w2, "projectcalico.org/IPv6Address-"),
			heal: kubectls(l, "annotate", "--overwrite", "node", w2, "projectcalico.org/IPv6Address=fd00:10:10::12/64"),
			row:  w2 + " invalid IP missing", says: "has no IPv6 address", cause: "bgp", code: "DS302"},
		{name: "a peer that never comes, after a restart", inject: func(t *testing.T) {
			dead(t)
			eventually(t, "BIRD has the peer", func() bool { return strings.Contains(l.onNode(t, w, "birdcl6 show protocols"), "77") })
			l.onNode(t, w, "sv down bird6; sleep 1; ip -6 route flush proto bird; sv up bird6")
		}, heal: func(t *testing.T) {
			deadHealed(t)
			eventually(t, "BIRD has lost the peer", func() bool { return !strings.Contains(l.onNode(t, w, "birdcl6 show protocols"), "77") })
			l.onNode(t, w, "sv restart bird6")
		}, row: w + " fd00:10:10::12 wrong", says: "gives the kernel no route", cause: "bgp", code: "DS1103"},
	}
}
