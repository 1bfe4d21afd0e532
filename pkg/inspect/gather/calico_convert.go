package gather

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// readPool converts a pool and fills in the API's defaults. It reports false for one that Calico could not use either.
func readPool(u *unstructured.Unstructured) (inspect.IPPool, bool) {
	spec, ok := readSpec[poolSpec](u, "cidr", "blockSize", "ipipMode", "vxlanMode", "natOutgoing", "disabled",
		"disableBGPExport", "nodeSelector", "allowedUses")
	if !ok {
		return inspect.IPPool{}, false
	}
	cidr, err := netip.ParsePrefix(spec.CIDR)
	if err != nil {
		return inspect.IPPool{}, false
	}
	pool := inspect.IPPool{
		Name: u.GetName(), CIDR: cidr.Masked(),
		BlockSize:        cmp.Or(spec.BlockSize, defaultBlockSize(cidr)),
		IPIPMode:         cmp.Or(inspect.EncapMode(spec.IPIPMode), inspect.EncapNever),
		VXLANMode:        cmp.Or(inspect.EncapMode(spec.VXLANMode), inspect.EncapNever),
		NATOutgoing:      spec.NATOutgoing,
		Disabled:         spec.Disabled,
		DisableBGPExport: spec.DisableBGPExport,
		NodeSelector:     cmp.Or(spec.NodeSelector, "all()"),
		AssignmentMode:   spec.AssignmentMode,
	}
	for _, use := range spec.AllowedUses {
		pool.AllowedUses = append(pool.AllowedUses, string(use))
	}
	if len(pool.AllowedUses) == 0 {
		pool.AllowedUses = []string{"Workload", "Tunnel"}
	}
	return pool, true
}

func defaultBlockSize(cidr netip.Prefix) int {
	if inspect.FamilyOf(cidr.Addr()) == inspect.IPv4 {
		return 26
	}
	return 122
}

// readBlock converts a block. It reports false for one that is being deleted or that cannot be read.
func readBlock(u *unstructured.Unstructured) (inspect.IPAMBlock, bool) {
	spec, ok := readSpec[blockSpec](u, "cidr", "affinity", "deleted", "allocations", "attributes")
	if !ok || spec.Deleted {
		return inspect.IPAMBlock{}, false
	}
	cidr, err := netip.ParsePrefix(spec.CIDR)
	if err != nil {
		return inspect.IPAMBlock{}, false
	}
	block := inspect.IPAMBlock{CIDR: cidr.Masked()}
	affinity := deref(spec.Affinity)
	if node, ok := strings.CutPrefix(affinity, "host:"); ok {
		block.Node = node
	} else {
		block.Affinity = affinity
	}
	for ordinal, index := range spec.Allocations {
		ip := nth(block.CIDR.Addr(), ordinal)
		if index == nil || !block.CIDR.Contains(ip) {
			continue
		}
		allocation := inspect.Allocation{IP: ip}
		if *index >= 0 && *index < len(spec.Attributes) {
			attributes := spec.Attributes[*index]
			allocation.Handle = deref(attributes.Handle)
			allocation.Node = attributes.Secondary["node"]
			allocation.Type = attributes.Secondary["type"]
			allocation.Namespace = attributes.Secondary["namespace"]
			allocation.Pod = attributes.Secondary["pod"]
		}
		block.Allocations = append(block.Allocations, allocation)
	}
	return block, true
}

// nth returns the address n after base. Blocks are far smaller than 2^32 addresses and aligned to their size, so the
// last four bytes are all that changes.
func nth(base netip.Addr, n int) netip.Addr {
	b := base.AsSlice()
	low := b[len(b)-4:]
	binary.BigEndian.PutUint32(low, binary.BigEndian.Uint32(low)+uint32(n)) //nolint:gosec // an index of a list
	addr, _ := netip.AddrFromSlice(b)
	return addr
}
