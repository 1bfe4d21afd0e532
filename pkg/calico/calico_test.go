package calico_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
)

// TestDerived holds derived names against those of a real cluster: v3.28.5, nodes and pods of a kind cluster.
func TestDerived(t *testing.T) {
	mac4, mac6 := calico.VTEPMAC("dual-stack-worker", false), calico.VTEPMAC("dual-stack-worker", true)
	for _, test := range []struct{ got, want string }{
		{net.HardwareAddr(mac4[:]).String(), "66:9f:32:6d:7b:c8"},
		{net.HardwareAddr(mac6[:]).String(), "66:ee:a7:ef:78:65"},
		{calico.PodInterface("default", "multitool-bp5rx"), "cali13652a1761d"},
		{calico.PodGateway(false).String(), "169.254.1.1"},
		{calico.PodGateway(true).String(), "fe80::ecee:eeff:feee:eeee"},
	} {
		if test.got != test.want {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
	}
}

func TestImageTag(t *testing.T) {
	for image, want := range map[string]string{
		"docker.io/calico/node:v3.28.5":                         "v3.28.5",
		"calico/node":                                           "",
		"registry.example:5000/calico/node":                     "",
		"registry.example:5000/calico/node:v3.32.1":             "v3.32.1",
		"calico/node:v3.30.0@sha256:" + fmt.Sprintf("%064d", 1): "v3.30.0",
		"calico/node@sha256:" + fmt.Sprintf("%064d", 1):         "",
		"not an image:v1":                                       "",
		"":                                                      "",
	} {
		if got := calico.ImageTag(image); got != want {
			t.Errorf("ImageTag(%q) = %q, want %q", image, got, want)
		}
	}
}

func TestDevices(t *testing.T) {
	for name, want := range map[string]bool{
		"vxlan.calico": true, "vxlan-v6.calico": true, "tunl0": true, "wireguard.cali": true, "wg-v6.cali": true,
		"eth0": false, "cali13652a1761d": false, "": false,
	} {
		if got := calico.IsTunnelDevice(name); got != want {
			t.Errorf("IsTunnelDevice(%q) = %v, want %v", name, got, want)
		}
	}
}
