package spec

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
)

// maxNodes is the largest lab: kind runs every node as a container of one machine, and the switch's ports are numbered
// from eth1.
const maxNodes = 50

// maxHostname is the largest length of a host name's label (RFC 1123). A node's name must be one.
const maxHostname = 63

var namePattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// Validate returns everything that is wrong with the lab at once (errors.Join), each with the name of its key.
func (l Lab) Validate() error {
	errs := []error{l.validateName()}
	if l.Workers < 0 || l.Workers >= maxNodes {
		errs = append(errs, fmt.Errorf("workers: %d: a lab has 0 to %d", l.Workers, maxNodes-1))
	}
	if l.VLAN < 1 || l.VLAN > 4094 {
		errs = append(errs, fmt.Errorf("vlan: %d: must be 1 to 4094", l.VLAN))
	}
	if !slices.Contains([]string{"", "iptables", "nftables", "ipvs"}, l.KubeProxyMode) {
		errs = append(errs, fmt.Errorf("kubeProxyMode: %q: must be iptables, nftables or ipvs", l.KubeProxyMode))
	}
	if err := l.IPv4.validate("ipv4", 32, 1+l.Workers); err != nil {
		errs = append(errs, err)
	}
	if err := l.IPv6.validate("ipv6", 128, 1+l.Workers); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (l Lab) validateName() error {
	longest := l.Name + "-control-plane"
	switch {
	case !namePattern.MatchString(l.Name):
		return fmt.Errorf("name: %q: use lower-case letters, digits and dashes, and no dash at either end", l.Name)
	case len(longest) > maxHostname:
		return fmt.Errorf("name: %q: too long, since %q must fit into the %d characters of a host name", l.Name, longest, maxHostname)
	}
	return nil
}

// validate checks one family. The later checks compare addresses and would report nonsense about values of the wrong
// family, so they run only when every value is of the right one.
func (n Net) validate(family string, bits, nodes int) error {
	if err := n.validateFamily(family, bits); err != nil {
		return err
	}
	return errors.Join(n.validateFabric(family, nodes), n.validatePods(family, bits, nodes), n.validateOverlaps(family))
}

func (n Net) validateFamily(family string, bits int) error {
	var errs []error
	check := func(key string, a netip.Addr) {
		switch {
		case !a.IsValid():
			errs = append(errs, fmt.Errorf("%s.%s: missing", family, key))
		case a.BitLen() != bits || a.Is4In6():
			errs = append(errs, fmt.Errorf("%s.%s: %s is not an %s address", family, key, a, familyName(bits)))
		case a.Zone() != "":
			errs = append(errs, fmt.Errorf("%s.%s: %s has a zone", family, key, a))
		}
	}
	prefix := func(key string, p netip.Prefix) {
		check(key, p.Addr())
		if p.IsValid() && p != p.Masked() {
			errs = append(errs, fmt.Errorf("%s.%s: %s has bits set past its length: %s is meant", family, key, p, p.Masked()))
		}
	}
	prefix("fabric", n.Fabric)
	check("gateway", n.Gateway)
	check("firstNode", n.FirstNode)
	check("external", n.External)
	prefix("externalRoute", n.ExternalRoute)
	prefix("pods", n.Pods)
	prefix("services", n.Services)
	return errors.Join(errs...)
}

func familyName(bits int) string {
	if bits == 32 {
		return "IPv4"
	}
	return "IPv6"
}

func (n Net) validateFabric(family string, nodes int) error {
	var errs []error
	if !n.Fabric.Contains(n.Gateway) {
		errs = append(errs, fmt.Errorf("%s.gateway: %s is outside of the fabric %s", family, n.Gateway, n.Fabric))
	}
	if !n.Fabric.Contains(n.FirstNode) {
		errs = append(errs, fmt.Errorf("%s.firstNode: %s is outside of the fabric %s", family, n.FirstNode, n.Fabric))
	} else if err := n.validateNodes(family, nodes); err != nil {
		errs = append(errs, err)
	}
	if !n.ExternalRoute.Contains(n.External) {
		errs = append(errs, fmt.Errorf("%s.externalRoute: %s does not contain the external address %s", family, n.ExternalRoute, n.External))
	}
	if n.Fabric.Contains(n.External) {
		errs = append(errs, fmt.Errorf("%s.external: %s is inside of the fabric %s, so nothing would be routed to it", family, n.External, n.Fabric))
	}
	return errors.Join(errs...)
}

// validateNodes walks the nodes' addresses: each must be in the fabric and must be a host's.
func (n Net) validateNodes(family string, nodes int) error {
	a := n.FirstNode
	for i := range nodes {
		if !n.Fabric.Contains(a) || n.isBroadcast(a) {
			return fmt.Errorf("%s.firstNode: too many nodes: %d addresses from %s on do not fit into the fabric %s, which ends after %d",
				family, nodes, n.FirstNode, n.Fabric, i)
		}
		if a == n.Gateway {
			return fmt.Errorf("%s.firstNode: node %d of %d from %s on would get the gateway's address %s", family, i+1, nodes, n.FirstNode, n.Gateway)
		}
		if a == n.Fabric.Addr() && n.Fabric.Bits() < a.BitLen()-1 {
			return fmt.Errorf("%s.firstNode: %s is the address of the fabric itself", family, a)
		}
		a = a.Next()
	}
	return nil
}

// isBroadcast reports whether a is the last address of an IPv4 fabric.
func (n Net) isBroadcast(a netip.Addr) bool {
	return a.Is4() && n.Fabric.Bits() < 31 && !n.Fabric.Contains(a.Next())
}

// The limits on prefix lengths that Kubernetes and Calico set: a service range has at most 20 host bits
// (kube-apiserver, --service-cluster-ip-range), a block is a /20 to /32 or a /116 to /128 (Calico, IPPool blockSize).
const (
	maxServiceBits = 20
	maxBlockBits   = 12
)

func (n Net) validatePods(family string, bits, nodes int) error {
	var errs []error
	switch {
	case n.BlockSize > bits || n.BlockSize < bits-maxBlockBits:
		errs = append(errs, fmt.Errorf("%s.blockSize: %d: must be %d to %d", family, n.BlockSize, bits-maxBlockBits, bits))
	case n.BlockSize < n.Pods.Bits():
		errs = append(errs, fmt.Errorf("%s.blockSize: a block of /%d is larger than the pool %s", family, n.BlockSize, n.Pods))
	case n.BlockSize-n.Pods.Bits() < 31 && 1<<(n.BlockSize-n.Pods.Bits()) < nodes:
		errs = append(errs, fmt.Errorf("%s.pods: too many nodes: %s has %d blocks of /%d, and %d nodes need one each",
			family, n.Pods, 1<<(n.BlockSize-n.Pods.Bits()), n.BlockSize, nodes))
	}
	if !slices.Contains([]string{VXLAN, VXLANCrossSubnet, None}, n.Encapsulation) {
		errs = append(errs, fmt.Errorf("%s.encapsulation: %q: must be %s, %s or %s", family, n.Encapsulation, VXLAN, VXLANCrossSubnet, None))
	}
	if host := bits - n.Services.Bits(); host > maxServiceBits {
		errs = append(errs, fmt.Errorf("%s.services: %s is too large: Kubernetes takes /%d or smaller", family, n.Services, bits-maxServiceBits))
	} else if host < 4 {
		errs = append(errs, fmt.Errorf("%s.services: %s is too small: the lab's services need /%d or larger", family, n.Services, bits-4))
	}
	return errors.Join(errs...)
}

func (n Net) validateOverlaps(family string) error {
	ranges := n.Ranges()
	var errs []error
	for i, a := range ranges {
		for _, b := range ranges[i+1:] {
			if a.Prefix.Overlaps(b.Prefix) {
				errs = append(errs, fmt.Errorf("%s.%s: %s overlaps %s %s", family, b.Key, b.Prefix, a.Key, a.Prefix))
			}
		}
	}
	return errors.Join(errs...)
}

// Range is a range of addresses that a lab uses, with the key that sets it.
type Range struct {
	Key    string
	Prefix netip.Prefix
}

// Ranges returns the ranges of the family that must not overlap each other or anything that the nodes can reach.
func (n Net) Ranges() []Range {
	return []Range{{"fabric", n.Fabric}, {"pods", n.Pods}, {"services", n.Services}, {"externalRoute", n.ExternalRoute}}
}
