package gather

import (
	"context"
	"net/netip"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// readLab reads the record of `lab create`. A cluster without a record is not a lab, which is no gap.
func (g *gatherer) readLab(ctx context.Context) error {
	cm, err := g.cluster.Kubernetes.CoreV1().ConfigMaps(calico.LabNamespace).Get(ctx, calico.LabConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return errorf("get", "configmaps", calico.LabNamespace, err)
	}
	g.snap.Lab = parseLab(cm.Data)
	return nil
}

// parseLab reads the record. Only users who may write to kube-system can have written it. Even so, an external address
// must be outside: a probe of this machine or of a multicast group would prove nothing.
func parseLab(data map[string]string) inspect.Lab {
	return inspect.Lab{
		Name: data[calico.LabKeyName],
		External: inspect.ByFamily[netip.Addr]{
			V4: parseUnicast(data[calico.LabKeyExternalIPv4], inspect.IPv4), V6: parseUnicast(data[calico.LabKeyExternalIPv6], inspect.IPv6),
		},
		Gateway: inspect.ByFamily[netip.Addr]{
			V4: parseUnicast(data[calico.LabKeyGatewayIPv4], inspect.IPv4), V6: parseUnicast(data[calico.LabKeyGatewayIPv6], inspect.IPv6),
		},
		Fabric: inspect.ByFamily[netip.Prefix]{
			V4: parsePrefix(data[calico.LabKeyFabricIPv4], inspect.IPv4), V6: parsePrefix(data[calico.LabKeyFabricIPv6], inspect.IPv6),
		},
	}
}

// parseUnicast reads an address that leads to another machine, beyond the link or on it.
func parseUnicast(s string, f inspect.Family) netip.Addr {
	addr := parseAddr(s, f)
	if !addr.IsGlobalUnicast() { // neither unspecified nor loopback, multicast, link-local, broadcast
		return netip.Addr{}
	}
	return addr
}
