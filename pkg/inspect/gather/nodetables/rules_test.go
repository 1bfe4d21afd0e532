package nodetables

import (
	"net/netip"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// TestServiceRule finds the rule for each kind of frontend in each mode, and no other: of a longer port, another address, another chain.
func TestServiceRule(t *testing.T) {
	cluster := inspect.Frontend{Kind: inspect.ClusterIP, Address: netip.MustParseAddr("fd00:10:96::1"), Port: 80}
	balancer := inspect.Frontend{Kind: inspect.LoadBalancer, Address: netip.MustParseAddr("203.0.113.7"), Port: 80}
	nodePort := inspect.Frontend{Kind: inspect.NodePort, Address: netip.MustParseAddr("10.10.10.11"), Port: 30080}
	hostPort := inspect.Frontend{Kind: inspect.HostPort, Address: netip.MustParseAddr("fd00:10:10::11"), Port: 8080}
	const iptables = ":KUBE-SERVICES - [0:0]\n"
	for name, tt := range map[string]struct {
		section, lines string
		at             inspect.Frontend
		want           inspect.ServiceRule
	}{
		"cluster address": {"pick-iptables", iptables + "-A KUBE-SERVICES -d fd00:10:96::1/128 -p tcp -m tcp --dport 80 -j KUBE-SVC-A\n", cluster,
			inspect.ServiceRule{There: true, Kind: "iptables"}},
		"internal policy Local": {"pick-iptables", iptables + "-A KUBE-SERVICES -d fd00:10:96::1/128 -p tcp -m tcp --dport 80 -j KUBE-SVL-A\n", cluster,
			inspect.ServiceRule{There: true, Kind: "iptables"}},
		"another address": {"pick-iptables", iptables + "-A KUBE-SERVICES -d fd00:10:96::12/128 -p tcp -m tcp --dport 80 -j KUBE-SVC-A\n", cluster,
			inspect.ServiceRule{Kind: "iptables"}},
		"refused": {"pick-iptables", iptables + "-A KUBE-SERVICES -d fd00:10:96::1/128 -p tcp -m tcp --dport 80 -j REJECT\n", cluster,
			inspect.ServiceRule{Kind: "iptables"}},
		"load balancer": {"pick-iptables", iptables + "-A KUBE-SERVICES -d 203.0.113.7/32 -p tcp -m tcp --dport 80 -j KUBE-EXT-A\n", balancer,
			inspect.ServiceRule{There: true, Kind: "iptables"}},
		"with source ranges": {"pick-iptables", iptables + "-A KUBE-SERVICES -d 203.0.113.7/32 -p tcp -m tcp --dport 80 -j KUBE-FW-A\n", balancer,
			inspect.ServiceRule{There: true, Kind: "iptables"}},
		"node port": {"pick-iptables", iptables + "-A KUBE-NODEPORTS -d 127.0.0.0/8 -p tcp -m tcp --dport 30080 -j KUBE-EXT-A\n" +
			"-A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-EXT-A\n", nodePort, inspect.ServiceRule{There: true, Kind: "iptables"}},
		"node port of the loopback": {"pick-iptables", iptables + "-A KUBE-NODEPORTS -d 127.0.0.0/8 -p tcp -m tcp --dport 30080 -j KUBE-EXT-A\n", nodePort,
			inspect.ServiceRule{Kind: "iptables"}},
		"another node port": {"pick-iptables", iptables + "-A KUBE-NODEPORTS -p tcp -m tcp --dport 30081 -j KUBE-EXT-A\n", nodePort,
			inspect.ServiceRule{Kind: "iptables"}},
		"host port": {"pick-iptables", iptables + "-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment \"dnat\" -m multiport --dports 443,8080 -j CNI-DN-0123\n", hostPort,
			inspect.ServiceRule{There: true, Kind: "iptables"}},
		"a longer host port": {"pick-iptables", iptables + "-A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 18080 -j CNI-DN-0123\n", hostPort,
			inspect.ServiceRule{Kind: "iptables"}},
		"nft service": {"pick-nftables", "table ip6 kube-proxy {\n  fd00:10:96::1 . tcp . 80 comment \"default/web\" : goto service-A-default/web/tcp/,\n", cluster,
			inspect.ServiceRule{There: true, Kind: "nftables"}},
		"nft node port": {"pick-nftables", "table ip kube-proxy {\n  elements = { tcp . 30080 : goto external-A-default/web/tcp/ }\n", nodePort,
			inspect.ServiceRule{There: true, Kind: "nftables"}},
		"nft without it": {"pick-nftables", "table ip kube-proxy {\n  10.96.0.1 . tcp . 30080 : goto service-A\n", inspect.Frontend{Kind: inspect.NodePort,
			Address: nodePort.Address, Port: 3008}, inspect.ServiceRule{Kind: "nftables"}},
		"ipvs node port": {"pick-ipvs", "TCP  0A0A0A0B:7580 rr  \n", nodePort, inspect.ServiceRule{There: true, Kind: "ipvs"}},
	} {
		t.Run(name, func(t *testing.T) {
			out := access.Frame(tt.section, tt.lines+"exit 0\n", 0, "") + access.FrameEnd
			got, err := parseRules([]byte(out), tt.at)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
	// The table of portmap shows nothing of kube-proxy.
	out := access.Frame("pick-hostport", "tcp dport 8080 dnat to [fd00:10:244::1]:80 comment \"0123\"\nexit 0\n", 0, "") + access.FrameEnd
	if got, err := parseRules([]byte(out), hostPort); err != nil || !got.There {
		t.Errorf("nft host port: %+v, %v", got, err)
	}
	if _, err := parseRules([]byte(out), cluster); err == nil {
		t.Error("no rule of kube-proxy was seen, and that is no error")
	}
}
