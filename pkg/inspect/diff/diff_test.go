package diff_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/diff"
	. "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// of says in a line each what changed.
func of(r *inspect.Report[diff.Change]) []string {
	var lines []string
	for _, c := range r.Items {
		text := c.Details()
		if c.Finding != nil {
			text = string(c.Finding.Code)
		}
		lines = append(lines, strings.TrimSpace(string(c.Change)+" "+c.Node+" | "+c.Subject+" | "+text))
	}
	return lines
}

// deployed makes pods of a Deployment: one for each UID, dual-stack or of IPv4 only.
func deployed(hash string, dual bool, uids ...string) Change {
	return func(s *inspect.Snapshot) {
		for i, uid := range uids {
			p := inspect.Pod{Namespace: "shop", Name: "web-" + hash + "-" + uid, UID: uid, Node: Worker, Phase: "Running", Ready: true,
				Labels: map[string]string{"pod-template-hash": hash}, IPs: []netip.Addr{netip.AddrFrom4([4]byte{192, 168, 9, byte(i + 1)})}}
			if dual {
				p.IPs = append(p.IPs, netip.MustParseAddr("fd00:10:244:9::"+fmt.Sprint(i+1)))
			}
			s.Pods = append(s.Pods, p)
		}
	}
}

// lonely makes a pod of a Deployment, HASH-UID, that has no IPv6 address.
func lonely(suffix string) Change {
	hash, uid, _ := strings.Cut(suffix, "-")
	return All(deployed(hash, false, uid), func(s *inspect.Snapshot) {
		s.Pods[len(s.Pods)-1].IPs[0] = netip.MustParseAddr("192.168.9.99")
	})
}

// denies adds a policy that denies a protocol.
func denies(protocol string) Change {
	return func(s *inspect.Snapshot) {
		s.Policies = append(s.Policies, inspect.Policy{Kind: "NetworkPolicy", Namespace: "shop", Name: "web", Calico: true, Ingress: true, Selector: "app == 'web'",
			Rules: []inspect.PolicyRule{{Action: "Deny", Protocol: protocol}}})
	}
}

// twins gives the pods of the Deployment one address, which is a finding of its own about each of them.
func twins(s *inspect.Snapshot) {
	for i := range s.Pods {
		if s.Pods[i].Namespace == "shop" {
			s.Pods[i].IPs[1] = netip.MustParseAddr("fd00:10:244:9::77")
		}
	}
}

// counters are what changes on a cluster by itself.
func counters(s *inspect.Snapshot) {
	for node := range s.Tables {
		Table(node, func(t *inspect.NodeTable) {
			for i := range t.Links {
				t.Links[i].RXPackets += 7
			}
			t.Neighbors = append(t.Neighbors, inspect.Neighbor{Dev: "eth1", IP: netip.MustParseAddr("10.10.10.77"), State: "STALE"})
			t.Routes = append(t.Routes, inspect.Route{Dst: netip.MustParsePrefix("192.168.9.9/32"), Dev: "cali0123", Scope: "link", Protocol: "80"})
			t.Links = append(t.Links, inspect.Link{Name: "cali0123", Kind: "veth", Up: true})
		})(s)
	}
	for i := range s.Blocks {
		s.Blocks[i].Allocations = append(s.Blocks[i].Allocations, inspect.Allocation{IP: s.Blocks[i].CIDR.Addr()})
	}
}

func TestAnalyze(t *testing.T) {
	const v6 = inspect.IPv6
	other := netip.MustParseAddr("fd00:10:10::99")
	tests := []struct {
		name          string
		before, after Change
		want          []string
	}{
		{"nothing", All(), All(), nil},
		{"what changes by itself", All(), counters, nil},
		{"a forwarding entry is gone", All(), FDBDeleted(Worker, Worker2, v6), []string{
			"new dual-stack-worker | node dual-stack-worker | DS604",
			"gone dual-stack-worker | forwarding entry " + HostOf(Worker2, v6).MAC.String() + " on vxlan-v6.calico | vtep fd00:10:10::12"}},
		{"it is back", FDBDeleted(Worker, Worker2, v6), All(), []string{
			"solved dual-stack-worker | node dual-stack-worker | DS604",
			"added dual-stack-worker | forwarding entry " + HostOf(Worker2, v6).MAC.String() + " on vxlan-v6.calico | vtep fd00:10:10::12"}},
		{"it leads elsewhere", All(), FDBMoved(Worker, Worker2, v6, other), []string{
			"new dual-stack-worker | node dual-stack-worker | DS604",
			"changed dual-stack-worker | forwarding entry " + HostOf(Worker2, v6).MAC.String() + " on vxlan-v6.calico | vtep fd00:10:10::12 -> fd00:10:10::99"}},
		{"a pod lost its IPv6 address", All(), func(s *inspect.Snapshot) {
			for i := range s.Pods {
				if s.Pods[i].Name == "multitool-worker" {
					s.Pods[i].IPs = s.Pods[i].IPs[:1]
				}
			}
		}, nil},
		{"pods are replaced", deployed("5d4f", true, "a", "b", "c"), deployed("77cc", true, "d", "e", "f"), []string{
			"changed  | pods of shop/web | replaced 3 of 3"}},
		{"pods are replaced by some of one family", deployed("5d4f", true, "a", "b"), All(deployed("77cc", true, "d"), lonely("77cc-e")), []string{
			"new  | ConfigMap kube-system/coredns | DS904",
			"changed  | pods of shop/web | replaced 2 of 2, without IPv6 address none -> 1"}},
		{"pods with a finding are replaced", All(deployed("5d4f", true, "a", "b"), twins), All(deployed("77cc", true, "c", "d"), twins), []string{
			"changed  | pods of shop/web | replaced 2 of 2"}},
		{"a policy has another rule", denies("TCP"), denies("UDP"), []string{
			`changed  | NetworkPolicy shop/web | rules {"action":"Deny","protocol":"TCP"} -> {"action":"Deny","protocol":"UDP"}`}},
		{"a peer is new", All(), func(s *inspect.Snapshot) {
			s.Calico.Peers = append(s.Calico.Peers, inspect.BGPPeer{Name: "tor", PeerIP: netip.MustParseAddr("fd00:10:10::1"), ASN: 65001})
		}, []string{"added  | BGPPeer tor | asn 65001, peerIP fd00:10:10::1"}},
		{"pods are fewer", deployed("5d4f", true, "a", "b", "c"), deployed("5d4f", true, "a"), []string{
			"changed  | pods of shop/web | number 3 -> 1"}},
		{"pods are new", All(), deployed("5d4f", true, "a", "b"), []string{"added  | pods of shop/web | number 2"}},
		{"a node is gone", All(), func(s *inspect.Snapshot) {
			s.Nodes = s.Nodes[:len(s.Nodes)-1]
			delete(s.Tables, Worker2)
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := of(diff.Analyze(With(tt.before), With(tt.after)))
			switch tt.name { // findings of other kinds come with these: only the row of the object is compared
			case "a pod lost its IPv6 address":
				holds(t, got, "changed dual-stack-worker | pod default/multitool-worker | ips ")
				return
			case "a node is gone":
				holds(t, got, "gone dual-stack-worker2 | node dual-stack-worker2 | internalIPs ")
				for _, line := range got {
					if strings.Contains(line, "dual-stack-worker2 | route") {
						t.Errorf("an entry of a node that is gone: %s", line)
					}
				}
				return
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func holds(t *testing.T, lines []string, prefix string) {
	t.Helper()
	for _, line := range lines {
		if strings.HasPrefix(line, prefix) {
			return
		}
	}
	t.Errorf("no %q in\n%s", prefix, strings.Join(lines, "\n"))
}

// TestGaps holds that what one snapshot does not have is neither gone nor solved, and that the report says so.
func TestGaps(t *testing.T) {
	without := With(FDBDeleted(Worker, Worker2, inspect.IPv6))
	delete(without.Tables, Worker)
	without.Missing = append(without.Missing, inspect.Missing{Fact: inspect.FactTables, Node: Worker, Reason: "no answer"})
	for name, pair := range map[string][2]*inspect.Snapshot{
		"before": {without, With(FDBDeleted(Worker, Worker2, inspect.IPv6))},
		"after":  {With(FDBDeleted(Worker, Worker2, inspect.IPv6)), without},
	} {
		t.Run(name, func(t *testing.T) {
			r := diff.Analyze(pair[0], pair[1])
			for _, c := range r.Items {
				if c.Node == Worker && c.Finding == nil || c.Finding != nil && c.Finding.Code == "DS604" {
					t.Errorf("compared although it was not read: %s %s", c.Change, c.Subject)
				}
			}
			want := []inspect.Omission{{Reason: diff.NotCompared, Part: string(inspect.FactTables), Subjects: []string{Worker}, Explanation: "no answer"}}
			if d := cmp.Diff(want, r.Omitted); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
	older := Lab()
	older.Gathered = []inspect.Fact{inspect.FactNodes}
	if r := diff.Analyze(older, Lab()); len(r.Omitted) < 5 {
		t.Errorf("of a recording with nodes only, these are not compared: %v", r.Omitted)
	}
}

// TestFollowers holds that of a fault only the cause is listed, and not what follows from it.
func TestFollowers(t *testing.T) {
	broken := With(DeviceDeleted(Worker, inspect.IPv6))
	follows := func(f inspect.Finding) bool { return len(f.CausedBy) > 0 }
	if all := check.Analyze(broken, check.Rules(), check.Filter{}).Items; !slices.ContainsFunc(all, follows) {
		t.Fatal("nothing follows from this fault: the test shows nothing")
	}
	for _, c := range diff.Analyze(Lab(), broken).Items {
		if c.Finding != nil && follows(*c.Finding) {
			t.Errorf("%s %s follows from %v", c.Change, c.Finding.Code, c.Finding.CausedBy)
		}
	}
}

func BenchmarkAnalyze(b *testing.B) {
	before, after := Synthetic(100), Synthetic(100)
	for b.Loop() {
		diff.Analyze(before, after)
	}
}
