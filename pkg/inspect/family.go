package inspect

import (
	"fmt"
	"net/netip"
	"strings"
)

// Family is an IP family. The zero value is neither, and means "any" in a filter.
type Family uint8

// The two families, with the numbers of the protocols themselves.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// Families lists both families in the order in which Kubernetes and this tool print them.
func Families() [2]Family { return [2]Family{IPv4, IPv6} }

// FamilyOf returns the family of an address. An IPv4 address mapped into IPv6 counts as IPv4; an invalid one has none.
func FamilyOf(a netip.Addr) Family {
	switch {
	case !a.IsValid():
		return 0
	case a.Unmap().Is4():
		return IPv4
	default:
		return IPv6
	}
}

// String returns the name as the Kubernetes API spells it (core/v1 IPFamily), or the empty string for the zero value.
func (f Family) String() string {
	switch f {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	default:
		return ""
	}
}

// Bits returns the length of an address of the family: 32 or 128.
func (f Family) Bits() int {
	if f == IPv4 {
		return 32
	}
	return 128
}

// Other returns the other family.
func (f Family) Other() Family {
	if f == IPv4 {
		return IPv6
	}
	return IPv4
}

// Is6 reports whether the family is IPv6; package calico, which knows no families, asks for this.
func (f Family) Is6() bool { return f == IPv6 }

// Matches reports whether a row of family other passes the filter f; the zero Family lets everything pass.
func (f Family) Matches(other Family) bool { return f == 0 || f == other }

// ParseFamily reads "ipv4" or "ipv6" in any case; the empty string is the zero Family.
func ParseFamily(s string) (Family, error) {
	switch strings.ToLower(s) {
	case "":
		return 0, nil
	case "ipv4":
		return IPv4, nil
	case "ipv6":
		return IPv6, nil
	default:
		return 0, fmt.Errorf("unknown IP family %q: use ipv4 or ipv6", s)
	}
}

// MarshalText implements encoding.TextMarshaler.
func (f Family) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *Family) UnmarshalText(b []byte) error {
	p, err := ParseFamily(string(b))
	if err != nil {
		return err
	}
	*f = p
	return nil
}

// ByFamily holds one value for each family. Analyses run the same code over both and index it by Family.
type ByFamily[T any] struct {
	V4 T `json:"ipv4,omitzero"`
	V6 T `json:"ipv6,omitzero"`
}

// Get returns the value of the family; the zero Family gives the zero value.
func (b ByFamily[T]) Get(f Family) T {
	switch f {
	case IPv4:
		return b.V4
	case IPv6:
		return b.V6
	default:
		var zero T
		return zero
	}
}

// Set stores the value of the family; the zero Family is ignored.
func (b *ByFamily[T]) Set(f Family, v T) {
	switch f {
	case IPv4:
		b.V4 = v
	case IPv6:
		b.V6 = v
	}
}
