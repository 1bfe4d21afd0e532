package redact

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// addressMap replaces addresses so that what two of them have in common stays: two that share their first n bits
// share n bits afterwards, and no more. Subnets, pools, blocks and longest matches hold as before. The construction
// is that of Crypto-PAn (Xu, Fan, Ammar, Moon, 2002): whether a bit is flipped is a keyed hash of the bits before it.
//
// Kept are what carries meaning of its own (loopback, link-local, multicast, documentation), the kind of an address
// (private, unique local, global), its last eight bits, so that .0 and .1 stay what they are, and in the lower half
// of an IPv6 address the zeros that lead a group, so that fd00:10::5 does not grow to full length.
type addressMap struct {
	v4, v6 cipher.Block
	macs   func(inspect.MAC) inspect.MAC
	known  map[netip.Addr]netip.Addr
}

func newAddressMap(key [32]byte, macs func(inspect.MAC) inspect.MAC) *addressMap {
	return &addressMap{v4: block(key, "IPv4"), v6: block(key, "IPv6"), macs: macs, known: map[netip.Addr]netip.Addr{}}
}

// block returns a cipher for one purpose.
func block(key [32]byte, purpose string) cipher.Block {
	sum := sha256.Sum256(append(key[:], purpose...))
	c, err := aes.NewCipher(sum[:])
	if err != nil {
		panic(err) // only for keys of a wrong length
	}
	return c
}

// ownMeaning are the ranges whose addresses stay as they are. Link-local IPv6 is among them for its prefix only.
func ownMeaning() []netip.Prefix {
	return prefixes("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "224.0.0.0/3", "::/8", "2001:db8::/32", "fe80::/10", "ff00::/8")
}

// ownKind are the ranges whose addresses stay within them.
func ownKind() []netip.Prefix {
	return prefixes("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "64:ff9b::/96", "2000::/3", "fd00::/8")
}

func prefixes(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(all))
	for i, s := range all {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// network replaces a prefix that names a network. One without host bits stays without.
func (m *addressMap) network(p netip.Prefix) netip.Prefix {
	out := m.host(p)
	if p == p.Masked() {
		return out.Masked()
	}
	return out
}

// host replaces an address that carries the length of its network.
func (m *addressMap) host(p netip.Prefix) netip.Prefix {
	if !p.IsValid() {
		return p
	}
	return netip.PrefixFrom(m.addr(p.Addr()), p.Bits())
}

func (m *addressMap) addr(a netip.Addr) netip.Addr {
	if !a.IsValid() {
		return a
	}
	a = a.WithZone("")
	if known, ok := m.known[a]; ok {
		return known
	}
	out := m.replace(a)
	m.known[a] = out
	return out
}

func (m *addressMap) replace(a netip.Addr) netip.Addr {
	if a.Is6() && a.IsLinkLocalUnicast() {
		return m.linkLocal(a)
	}
	if slices.ContainsFunc(ownMeaning(), func(p netip.Prefix) bool { return p.Contains(a) }) {
		return a
	}
	c := m.v6
	if a.Is4() {
		c = m.v4
	}
	in := a.AsSlice()
	out := slices.Clone(in)
	for i := keptBits(a); i < len(in)*8-8; i++ {
		if leadsGroup(in, i) {
			continue
		}
		if hashBit(c, in, i) {
			out[i/8] ^= 0x80 >> (i % 8)
		}
	}
	replaced, _ := netip.AddrFromSlice(out)
	return replaced
}

// keptBits returns how many of the first bits of an address decide which of the ranges it is in, and so must stay: a
// bit is flipped only where no range goes on behind the bits before it.
func keptBits(a netip.Addr) int {
	kept := 0
	for _, p := range slices.Concat(ownMeaning(), ownKind()) {
		if p.Addr().Is4() == a.Is4() {
			kept = max(kept, min(common(a, p.Addr())+1, p.Bits()))
		}
	}
	return kept
}

// common returns how many bits two addresses of a family share at their beginning.
func common(a, b netip.Addr) int {
	x, y := a.AsSlice(), b.AsSlice()
	for i := range x {
		if d := x[i] ^ y[i]; d != 0 {
			return i*8 + bits.LeadingZeros8(d)
		}
	}
	return len(x) * 8
}

// leadsGroup reports whether bit i comes behind nothing but zeros in its group of the lower half of an IPv6 address.
func leadsGroup(a []byte, i int) bool {
	if len(a) != 16 || i < 64 {
		return false
	}
	group := uint16(a[i/16*2])<<8 | uint16(a[i/16*2+1])
	return group>>(16-i%16) == 0
}

// hashBit returns a keyed hash, of one bit, of the first n bits of an address.
func hashBit(c cipher.Block, a []byte, n int) bool {
	var in, out [aes.BlockSize]byte
	copy(in[:], a[:n/8])
	// What is left of the last byte, and a one behind it, so that prefixes of different length never look alike.
	in[n/8] = a[n/8]&^(0xff>>(n%8)) | 0x80>>(n%8)
	c.Encrypt(out[:], in[:])
	return out[0]&1 == 1
}

// linkLocal replaces the address that was made of a MAC (RFC 4291, appendix A) by that of the MAC's replacement.
// Others are short and chosen by hand, as fe80::1, and stay.
func (m *addressMap) linkLocal(a netip.Addr) netip.Addr {
	b := a.As16()
	if b[11] != 0xff || b[12] != 0xfe {
		if b[8] != 0 || b[9] != 0 {
			return m.randomLinkLocal(b)
		}
		return a
	}
	mac := m.macs(inspect.MAC{b[8] ^ 2, b[9], b[10], b[13], b[14], b[15]})
	copy(b[8:], []byte{mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
	return netip.AddrFrom16(b)
}

// randomLinkLocal replaces the identifier that a host drew for itself (RFC 7217), by which it could be known again.
func (m *addressMap) randomLinkLocal(b [16]byte) netip.Addr {
	var out [aes.BlockSize]byte
	m.v6.Encrypt(out[:], b[:])
	copy(b[8:], out[:8])
	b[8] |= 1 // never taken for one chosen by hand
	return netip.AddrFrom16(b)
}
