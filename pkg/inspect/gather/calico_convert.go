package gather

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// poolSpec is what we use of an IPPool's spec, which is the same in both API groups.
type poolSpec struct {
	CIDR             string            `json:"cidr"`
	BlockSize        int               `json:"blockSize"`
	IPIPMode         inspect.EncapMode `json:"ipipMode"`
	VXLANMode        inspect.EncapMode `json:"vxlanMode"`
	NATOutgoing      bool              `json:"natOutgoing"`
	Disabled         bool              `json:"disabled"`
	DisableBGPExport bool              `json:"disableBGPExport"`
	NodeSelector     string            `json:"nodeSelector"`
	AllowedUses      []string          `json:"allowedUses"`
	AssignmentMode   string            `json:"assignmentMode"`
}

// readPool converts a pool and fills in the API's defaults. It reports false for one that Calico could not use either.
func readPool(u *unstructured.Unstructured) (inspect.IPPool, bool) {
	var spec poolSpec
	if !readSpec(u, &spec) {
		return inspect.IPPool{}, false
	}
	cidr, err := netip.ParsePrefix(spec.CIDR)
	if err != nil {
		return inspect.IPPool{}, false
	}
	pool := inspect.IPPool{
		Name: u.GetName(), CIDR: cidr.Masked(),
		BlockSize:        cmp.Or(spec.BlockSize, defaultBlockSize(cidr)),
		IPIPMode:         cmp.Or(spec.IPIPMode, inspect.EncapNever),
		VXLANMode:        cmp.Or(spec.VXLANMode, inspect.EncapNever),
		NATOutgoing:      spec.NATOutgoing,
		Disabled:         spec.Disabled,
		DisableBGPExport: spec.DisableBGPExport,
		NodeSelector:     cmp.Or(spec.NodeSelector, "all()"),
		AllowedUses:      spec.AllowedUses,
		AssignmentMode:   spec.AssignmentMode,
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

// blockSpec is what we use of an IPAMBlock's spec (libcalico-go/lib/backend/model/block.go): allocations has an entry
// for each address of the block, which is null for a free one and else the index of its attributes.
type blockSpec struct {
	CIDR        string  `json:"cidr"`
	Affinity    *string `json:"affinity"`
	Deleted     bool    `json:"deleted"`
	Allocations []*int  `json:"allocations"`
	Attributes  []struct {
		Handle    *string           `json:"handle_id"`
		Secondary map[string]string `json:"secondary"`
	} `json:"attributes"`
}

// readBlock converts a block. It reports false for one that is being deleted or that cannot be read.
func readBlock(u *unstructured.Unstructured) (inspect.IPAMBlock, bool) {
	var spec blockSpec
	if !readSpec(u, &spec) || spec.Deleted {
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

// readSpec decodes an object's spec, and reports whether that was possible.
func readSpec(u *unstructured.Unstructured, into any) bool {
	data, err := json.Marshal(u.Object["spec"])
	return err == nil && json.Unmarshal(data, into) == nil
}
