package inspect

import (
	"bytes"
	"fmt"
	"net"
)

// MAC is an Ethernet address. Unlike net.HardwareAddr it is comparable and needs no allocation, which matters when
// the forwarding tables of a thousand nodes (two million entries) are held and joined at once.
type MAC [6]byte

// ParseMAC reads an Ethernet address in any of the notations of net.ParseMAC. Longer addresses are an error.
func ParseMAC(s string) (MAC, error) {
	h, err := net.ParseMAC(s)
	if err != nil {
		return MAC{}, err
	}
	if len(h) != len(MAC{}) {
		return MAC{}, fmt.Errorf("address %s: not an Ethernet address", s)
	}
	return MAC(h), nil
}

// IsZero reports whether m is 00:00:00:00:00:00, which stands for "none".
func (m MAC) IsZero() bool { return m == MAC{} }

// Compare orders addresses by their bytes.
func (m MAC) Compare(o MAC) int { return bytes.Compare(m[:], o[:]) }

// String prints the address as the ip command does: six pairs of lower-case digits.
func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// MarshalText implements encoding.TextMarshaler.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *MAC) UnmarshalText(b []byte) error {
	p, err := ParseMAC(string(b))
	if err != nil {
		return err
	}
	*m = p
	return nil
}
