package gather

import (
	"context"
	"net/netip"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather/nodetables"
)

// bgpSpec is a BGPConfiguration's spec, with the fields that the newest published version of Calico's API module lacks.
type bgpSpec struct {
	v3.BGPConfigurationSpec
	ProgramClusterRoutes string `json:"programClusterRoutes"` // since v3.32
}

// peerSpec is a BGPPeer's spec, with the fields that the newest published version of Calico's API module lacks.
type peerSpec struct {
	v3.BGPPeerSpec
	LocalWorkloadSelector string `json:"localWorkloadSelector"` // since v3.30
	ReversePeering        string `json:"reversePeering"`        // Auto or Manual; since v3.30
}

// readBGP reads BGPConfiguration "default", and the ports of those of single nodes. The objects exist only once something is
// set in them.
func (g *gatherer) readBGP(ctx context.Context) error {
	settings := &g.snap.Calico.BGP
	return g.eachObject(ctx, "bgpconfigurations", func(u *unstructured.Unstructured) error {
		spec, ok := readSpec[bgpSpec](u)
		node, single := strings.CutPrefix(u.GetName(), "node.")
		switch {
		case !ok:
		case u.GetName() == "default":
			settings.ProgramClusterRoutes, settings.NodeMesh = spec.ProgramClusterRoutes, spec.NodeToNodeMeshEnabled
			settings.Port = spec.ListenPort
			if spec.ASNumber != nil {
				settings.ASN = inspect.ASN(*spec.ASNumber)
			}
		case single && spec.ListenPort != 0:
			if settings.Ports == nil {
				settings.Ports = map[string]uint16{}
			}
			settings.Ports[node] = spec.ListenPort
		}
		return nil
	})
}

// readBGPPeers reads what sessions are asked for. As in Calico, a peer whose address cannot be read counts as none.
func (g *gatherer) readBGPPeers(ctx context.Context) error {
	var peers []inspect.BGPPeer
	err := g.eachObject(ctx, "bgppeers", func(u *unstructured.Unstructured) error {
		spec, ok := readSpec[peerSpec](u, "node", "nodeSelector", "peerIP", "peerSelector")
		if !ok {
			return nil
		}
		ip, port := parsePeer(spec.PeerIP)
		peers = append(peers, inspect.BGPPeer{
			Name: u.GetName(), Node: spec.Node, NodeSelector: spec.NodeSelector, PeerIP: ip, Port: port,
			PeerSelector: spec.PeerSelector, ASN: inspect.ASN(spec.ASNumber), Filters: spec.Filters,
			Workloads: spec.LocalWorkloadSelector != "", Manual: spec.ReversePeering == "Manual",
		})
		return nil
	})
	if err != nil {
		return err
	}
	g.snap.Calico.Peers = peers
	return nil
}

// BIRD reads the sessions of some nodes, with their tables.
func (c *Cluster) BIRD(ctx context.Context, nodes []inspect.Node, names []string) (nodetables.Readings, []inspect.Missing) {
	return nodetables.Read(ctx, c.Ways(nodes), names, nodetables.Extra{BIRD: true}, nodetables.Options{})
}

// parsePeer reads an address that may have a port (confd/pkg/backends/calico/client.go, parseIPPort).
func parsePeer(text string) (netip.Addr, uint16) {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone(""), at.Port()
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, 0
	}
	return ip.Unmap().WithZone(""), 0
}

// parseASN reads an AS number, plain or dotted. A text that is none counts as absent.
func parseASN(text string) inspect.ASN {
	n, err := numorstring.ASNumberFromString(text)
	if err != nil {
		return 0
	}
	return inspect.ASN(n)
}
