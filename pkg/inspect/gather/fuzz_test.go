package gather

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// FuzzReadNode reads Calico's annotations of a node, which anyone who may patch nodes can write: whatever they say, what
// comes out is of the family that it stands for, or absent.
func FuzzReadNode(f *testing.F) {
	for _, seed := range [][3]string{
		{"10.10.10.11/24", "192.168.59.192", "66:ee:a7:ef:78:65"},
		{"fd00:10:10::11/64", "fd00:10:244:1b38:1133:7e2c:be1e:4d00", "02-00-00-00-00-12"},
		{"10.10.10.11", "::ffff:10.10.10.11", "0200.5e10.0000.0001"},
		{"fe80::1%eth0/64", "fe80::1%eth0", "66:ee"},
		{"10.10.10.11/33", "256.0.0.1", "\x1b[2J"},
		{"", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, address, tunnel, mac string) {
		node := readNode(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{
			calico.AnnotationIPv4Address: address, calico.AnnotationIPv6Address: address,
			calico.AnnotationIPv4Tunnel: tunnel, calico.AnnotationIPv6Tunnel: tunnel,
			calico.AnnotationTunnelMACv4: mac, calico.AnnotationTunnelMACv6: mac,
		}}})
		for _, family := range inspect.Families() {
			if p := node.Address.Get(family); p.IsValid() && inspect.FamilyOf(p.Addr()) != family {
				t.Errorf("%q became the %s address %s", address, family, p)
			}
			a := node.Tunnel.Get(family)
			if a.IsValid() && (inspect.FamilyOf(a) != family || a.Zone() != "" || a.Is4In6()) {
				t.Errorf("%q became the %s tunnel address %s", tunnel, family, a)
			}
		}
		if node.Address.V4.IsValid() && node.Address.V6.IsValid() {
			t.Errorf("%q is of both families", address)
		}
	})
}
