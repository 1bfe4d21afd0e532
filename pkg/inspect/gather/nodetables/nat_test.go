package nodetables

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/budget"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// TestParseNAT reads what a node of the lab printed with a node port and a host port, and what other kinds of rules print.
func TestParseNAT(t *testing.T) {
	recorded, err := os.ReadFile("testdata/nat/iptables.txt")
	if err != nil {
		t.Fatal(err)
	}
	sections, err := access.Sections(recorded)
	if err != nil {
		t.Fatal(err)
	}
	none := access.Section{Out: []byte("1 whole\n")}
	for name, test := range map[string]struct {
		sections map[string]access.Section
		want     inspect.ByFamily[inspect.NAT]
		wantErr  string
	}{
		"iptables": {sections: sections, want: inspect.ByFamily[inspect.NAT]{
			V4: inspect.NAT{KubeProxy: []string{"nft"}, Services: 6, NodePorts: 1, HostPorts: []int{8080}, Felix: []string{"nft"}},
			V6: inspect.NAT{KubeProxy: []string{"nft"}, Services: 3, NodePorts: 1, HostPorts: []int{8080}, Felix: []string{"nft"}},
		}},
		"nftables": {
			sections: map[string]access.Section{
				"nat4-nft": none, "nat6-nft": none,
				"nat4-nftables": {Out: []byte("1 proxy\n7 service\n1 nodeport\n1 felix\n1 hostport 443\n1 hostport 80\n1 whole\n")},
				"nat6-nftables": {Out: []byte("1 proxy\n3 service\n0 nodeport\n1 whole\n")},
			},
			want: inspect.ByFamily[inspect.NAT]{
				V4: inspect.NAT{KubeProxy: []string{"nftables"}, Services: 7, NodePorts: 1, HostPorts: []int{80, 443}, Felix: []string{"nftables"}},
				V6: inspect.NAT{KubeProxy: []string{"nftables"}, Services: 3},
			},
		},
		"IPVS": {
			sections: map[string]access.Section{
				"nat4-nft": none, "nat4-ipvs": {Out: []byte("      2 ipvs 01BB\n      1 ipvs 7530\n1 whole\n")},
				"nat6-nft": none, "nat6-ipvs": {Out: []byte("1 ipvs 0050\n1 whole\n")},
			},
			want: inspect.ByFamily[inspect.NAT]{
				V4: inspect.NAT{KubeProxy: []string{"ipvs"}, Services: 3, NodePorts: 1},
				V6: inspect.NAT{KubeProxy: []string{"ipvs"}, Services: 1},
			},
		},
		"no programs": {sections: map[string]access.Section{"link": none}, wantErr: "neither iptables nor nft"},
		"no privileges": {sections: map[string]access.Section{"nat4-nft": none, "nat6-nft": {Stderr: "Permission denied (you must be root)"}},
			wantErr: "nat6-nft: cannot be read Permission denied"},
		"a strange line": {sections: map[string]access.Section{"nat4-nft": {Out: []byte("many services\n")}}, wantErr: "unexpected line"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseNAT(test.sections)
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Errorf("got %v, want %q", err, test.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestNATMemory: the ports that a node prints are paid for before they are kept.
func TestNATMemory(t *testing.T) {
	o := emptyNode()
	out := string(o.bytes())
	out = out[:len(out)-len(access.FrameEnd)] +
		access.Frame("nat4-nft", "1 hostport "+strings.Repeat("1,", 4<<20)+"1\n1 whole\n", 0, "") + access.FrameEnd
	if _, err := (Extra{NAT: true}).parse([]byte(out), budget.New(maxBuilt)); !errors.As(err, new(*budget.ExceededError)) {
		t.Errorf("error %v", err)
	}
	if _, err := (Extra{NAT: true}).parse(o.bytes(), budget.New(maxBuilt)); err != nil {
		t.Error(err)
	}
}
