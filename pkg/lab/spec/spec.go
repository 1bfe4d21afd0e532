// Package spec describes a lab: how many nodes it has and which addresses they, the switch, the pods and the services get.
// It reads, defaults and validates; it creates nothing.
package spec

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

// APIVersion and Kind are the first keys of a lab's file.
const (
	APIVersion = "dualstack/v1alpha1"
	Kind       = "Lab"
)

// DefaultName is the name of a lab that was given none.
const DefaultName = "dual-stack"

// Lab is the description of a lab.
type Lab struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Workers    int    `json:"workers"` // besides the one control-plane node
	VLAN       int    `json:"vlan"`    // the VLAN of the switch that the nodes are in
	// KubeProxyMode is how kube-proxy makes its rules: iptables, nftables or ipvs; empty: kind's default.
	KubeProxyMode string `json:"kubeProxyMode,omitempty"`
	IPv4          Net    `json:"ipv4"`
	IPv6          Net    `json:"ipv6"`
}

// Net is one family's addresses of a lab.
type Net struct {
	// Fabric is the subnet that the switch and the nodes' eth1 share, Gateway the switch's address in it, FirstNode the
	// control-plane node's; the workers follow it, one by one.
	Fabric    netip.Prefix `json:"fabric"`
	Gateway   netip.Addr   `json:"gateway"`
	FirstNode netip.Addr   `json:"firstNode"`
	// External is the switch's loopback address, which stands for the world outside; ExternalRoute is what the nodes send
	// to the switch.
	External      netip.Addr   `json:"external"`
	ExternalRoute netip.Prefix `json:"externalRoute"`
	// Pods is the Calico pool, BlockSize the prefix length of a node's blocks.
	Pods          netip.Prefix `json:"pods"`
	BlockSize     int          `json:"blockSize"`
	Encapsulation string       `json:"encapsulation"` // as the Calico operator's API spells it: VXLAN, VXLANCrossSubnet or None
	NATOutgoing   bool         `json:"natOutgoing"`
	Services      netip.Prefix `json:"services"`
}

// The encapsulations that a lab may have.
const (
	VXLAN            = "VXLAN"
	VXLANCrossSubnet = "VXLANCrossSubnet"
	None             = "None" // the nodes tell each other of their pods' addresses by BGP
)

// Tunnelled reports whether pods' packets may be in a tunnel between nodes.
func (n Net) Tunnelled() bool { return n.Encapsulation != None }

// The ways of the pods' packets between nodes that have a name, for both families.
const (
	RoutingVXLAN = "vxlan" // the default: tunnels
	RoutingBGP   = "bgp"   // routes, by a BGP mesh of the nodes
)

// Routings lists them.
func Routings() []string { return []string{RoutingVXLAN, RoutingBGP} }

// SetRouting sets the encapsulation of both families: the default's for RoutingVXLAN.
func (l *Lab) SetRouting(routing string) {
	of := Default()
	if routing == RoutingBGP {
		of.IPv4.Encapsulation, of.IPv6.Encapsulation = None, None
	}
	l.IPv4.Encapsulation, l.IPv6.Encapsulation = of.IPv4.Encapsulation, of.IPv6.Encapsulation
}

// BGP reports whether a family's routes to pods are made by BGP.
func (l Lab) BGP() bool { return !l.IPv4.Tunnelled() || !l.IPv6.Tunnelled() }

// Default returns the lab as the documentation describes it: three nodes, IPv4 encapsulated only across subnets (that is,
// not at all in this lab), IPv6 always.
func Default() Lab {
	return Lab{
		APIVersion: APIVersion, Kind: Kind, Name: DefaultName, Workers: 2, VLAN: 10,
		IPv4: Net{
			Fabric: netip.MustParsePrefix("10.10.10.0/24"), Gateway: netip.MustParseAddr("10.10.10.1"),
			FirstNode: netip.MustParseAddr("10.10.10.10"), External: netip.MustParseAddr("1.1.1.1"),
			ExternalRoute: netip.MustParsePrefix("1.1.1.1/32"), Pods: netip.MustParsePrefix("192.168.0.0/16"),
			BlockSize: 26, Encapsulation: VXLANCrossSubnet, NATOutgoing: true,
			Services: netip.MustParsePrefix("10.96.0.0/16"),
		},
		IPv6: Net{
			Fabric: netip.MustParsePrefix("fd00:10:10::/64"), Gateway: netip.MustParseAddr("fd00:10:10::1"),
			FirstNode: netip.MustParseAddr("fd00:10:10::10"), External: netip.MustParseAddr("2001:db8::1"),
			ExternalRoute: netip.MustParsePrefix("2001:db8::/32"), Pods: netip.MustParsePrefix("fd00:10:244::/48"),
			BlockSize: 122, Encapsulation: VXLAN, NATOutgoing: true,
			Services: netip.MustParsePrefix("fd00:10:96::/112"),
		},
	}
}

// Load reads a lab's file over base: values that the file does not name stay as they are.
func Load(path string, base Lab) (Lab, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Lab{}, fmt.Errorf("read the lab's file: %w", err)
	}
	l, err := Parse(raw, base)
	if err != nil {
		return Lab{}, fmt.Errorf("read the lab's file %s: %w", path, err)
	}
	return l, nil
}

// Parse reads YAML or JSON over base. An unknown key is an error, and so is a file of another kind.
func Parse(raw []byte, base Lab) (Lab, error) {
	l := base
	l.APIVersion, l.Kind = "", ""
	if err := yaml.UnmarshalStrict(raw, &l); err != nil {
		return Lab{}, errors.New(plain(err))
	}
	if l.APIVersion != APIVersion || l.Kind != Kind {
		return Lab{}, fmt.Errorf("it must begin with apiVersion: %s and kind: %s", APIVersion, Kind)
	}
	return l, nil
}

// plain removes the names of the libraries from a decoder's message: they mean nothing to the author of the file.
func plain(err error) string {
	s := err.Error()
	for _, p := range []string{"error unmarshaling JSON: ", "while decoding JSON: ", "error converting YAML to JSON: ", "json: ", "yaml: "} {
		s = strings.ReplaceAll(s, p, "")
	}
	return s
}

// Families returns the two families' addresses with their names, IPv4 first.
func (l Lab) Families() [2]NamedNet {
	return [2]NamedNet{{"ipv4", l.IPv4}, {"ipv6", l.IPv6}}
}

// NamedNet is a family's addresses with the family's name as the file spells it.
type NamedNet struct {
	Name string
	Net
}

// Node is a node of the lab as it is planned.
type Node struct {
	Name         string // container and Kubernetes node
	ControlPlane bool
	Port         string     // the switch's port
	IPv4         netip.Addr // of eth1
	IPv6         netip.Addr
}

// Nodes returns the nodes in kind's order and with kind's names: NAME-control-plane, NAME-worker, NAME-worker2, …
func (l Lab) Nodes() []Node {
	nodes := make([]Node, 0, 1+l.Workers)
	v4, v6 := l.IPv4.FirstNode, l.IPv6.FirstNode
	for i := range 1 + l.Workers {
		name := l.Name + "-control-plane"
		switch {
		case i == 1:
			name = l.Name + "-worker"
		case i > 1:
			name = fmt.Sprintf("%s-worker%d", l.Name, i)
		}
		nodes = append(nodes, Node{Name: name, ControlPlane: i == 0, Port: fmt.Sprintf("eth%d", i+1), IPv4: v4, IPv6: v6})
		v4, v6 = v4.Next(), v6.Next()
	}
	return nodes
}

// SwitchName is the name of the switch's container.
func (l Lab) SwitchName() string { return l.Name + "-switch" }

// MarshalYAML returns the lab as a file that Load reads back.
func (l Lab) MarshalYAML() ([]byte, error) {
	raw, err := yaml.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("write the lab's file: %w", err)
	}
	return raw, nil
}
