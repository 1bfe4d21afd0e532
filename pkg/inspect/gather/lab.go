package gather

import (
	"context"
	"net/netip"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Where `lab create` records what a trace wants to know of the lab.
const (
	labNamespace = metav1.NamespaceSystem
	labConfigMap = "dualstack-lab"
)

// readLab reads what `lab create` recorded. A cluster without a record is no lab, which is not a gap.
func (g *gatherer) readLab(ctx context.Context) error {
	cm, err := g.clients.Kubernetes.CoreV1().ConfigMaps(labNamespace).Get(ctx, labConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return errorf("get", "configmaps", labNamespace, err)
	}
	g.snap.Lab = parseLab(cm.Data)
	return nil
}

func parseLab(data map[string]string) inspect.Lab {
	return inspect.Lab{
		Name: data["name"],
		External: inspect.ByFamily[netip.Addr]{
			V4: parseAddr(data["externalIPv4"], inspect.IPv4), V6: parseAddr(data["externalIPv6"], inspect.IPv6),
		},
		Gateway: inspect.ByFamily[netip.Addr]{
			V4: parseAddr(data["gatewayIPv4"], inspect.IPv4), V6: parseAddr(data["gatewayIPv6"], inspect.IPv6),
		},
		Fabric: inspect.ByFamily[netip.Prefix]{
			V4: parsePrefix(data["fabricIPv4"], inspect.IPv4), V6: parsePrefix(data["fabricIPv6"], inspect.IPv6),
		},
	}
}
