package redact

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// addressMap replaces addresses and keeps their common prefixes: within a class (see classes), two that share exactly
// their first n bits share exactly n bits afterwards. Subnets, pools, blocks and longest matches hold as
// before. The construction is that of Crypto-PAn (Xu, Fan, Ammar, Moon, 2002): a keyed hash of the bits before a bit
// decides whether to flip it. A result that falls into another class within its own is replaced again until it does not.
//
// It keeps the class, the last eight bits, so that .0 and .1 stay, and in the lower half of an IPv6 address the leading
// zeros of a group, so that fd00:10::5 does not grow to full length.
type addressMap struct {
	v4, v6  cipher.Block
	macs    func(inspect.MAC) inspect.MAC
	classes []class
	known   map[netip.Addr]netip.Addr
}

func newAddressMap(key [32]byte, macs func(inspect.MAC) inspect.MAC) *addressMap {
	return &addressMap{
		v4: block(key, "IPv4"), v6: block(key, "IPv6"), macs: macs, classes: classes(), known: map[netip.Addr]netip.Addr{},
	}
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

// class is a range whose addresses stay within it.
type class struct {
	netip.Prefix
	how treatment
}

// treatment is how the addresses of a class are replaced.
type treatment uint8

const (
	hashed    treatment = iota // the bits after the prefix are replaced
	kept                       // every network has these addresses, or none has
	embedded                   // the last 32 bits are an IPv4 address, and replaced as one
	linkLocal                  // see addressMap.linkLocal
	multicast                  // the bits after flags and scope are replaced, if more than the last 16 are set
)

// classes lists the classes, the longest prefix first: it decides.
func classes() []class {
	var all []class
	for how, ranges := range map[treatment][]string{
		kept: {
			"0.0.0.0/8", "127.0.0.0/8", "169.254.1.1/32", "169.254.20.10/32", "169.254.25.10/32", "169.254.169.254/32", "224.0.0.0/24",
			"255.255.255.255/32", "::/127", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", // the last four: documentation
		},
		embedded:  {"::/96", "::ffff:0:0/96", "64:ff9b::/96"},
		linkLocal: {"fe80::/10"},
		multicast: {"ff00::/8"},
		// Public addresses are far from the special ranges, except those that begin with the same octet: they keep it.
		hashed: {
			"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
			"100.0.0.0/8", "169.0.0.0/8", "172.0.0.0/8", "192.0.0.0/8", "0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3",
			"fc00::/8", "fd00::/8", "2000::/3", "64:ff9b:1::/48", "::/0",
		},
	} {
		for _, r := range ranges {
			all = append(all, class{netip.MustParsePrefix(r), how})
		}
	}
	slices.SortFunc(all, func(a, b class) int { return b.Bits() - a.Bits() })
	return all
}

// classOf returns the class of an address. Every address has one.
func (m *addressMap) classOf(a netip.Addr) class {
	return m.classes[slices.IndexFunc(m.classes, func(c class) bool { return c.Contains(a) })]
}

// network replaces a prefix that names a network. One without host bits stays so. One wider than a class, such as a
// default route, stays.
func (m *addressMap) network(p netip.Prefix) netip.Prefix {
	if !p.IsValid() || p != p.Masked() {
		return m.host(p)
	}
	const widest = 16 // the classes that are smaller are not worth their neighbours' secrets
	for _, c := range m.classes {
		if c.Bits() > p.Bits() && c.Bits() <= widest && p.Contains(c.Addr()) {
			return p
		}
	}
	return m.host(p).Masked()
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
	c := m.classOf(a)
	switch b := a.As16(); c.how {
	case kept:
		return a
	case linkLocal:
		return m.linkLocal(b)
	case embedded:
		v4 := m.addr(netip.AddrFrom4([4]byte(b[12:]))).As4()
		copy(b[12:], v4[:])
		return netip.AddrFrom16(b)
	case multicast:
		if [12]byte(b[2:14]) == [12]byte{} {
			return a // ff02::1, ff02::fb
		}
		return m.hashBits(a, 16)
	}
	out := m.hashBits(a, c.Bits())
	for m.classOf(out).Prefix != c.Prefix {
		out = m.hashBits(out, c.Bits())
	}
	return out
}

// hashBits replaces the bits after the first ones of an address, except those that addressMap keeps at the end.
func (m *addressMap) hashBits(a netip.Addr, from int) netip.Addr {
	c := m.v6
	if a.Is4() {
		c = m.v4
	}
	in := a.AsSlice()
	out := slices.Clone(in)
	for i := from; i < len(in)*8-8; i++ {
		if !leadsGroup(in, i) && hashBit(c, in, i) {
			out[i/8] ^= 0x80 >> (i % 8)
		}
	}
	replaced, _ := netip.AddrFromSlice(out)
	return replaced
}

// leadsGroup reports whether only zeros precede bit i in its group of the lower half of an IPv6 address.
func leadsGroup(a []byte, i int) bool {
	if len(a) != 16 || i < 64 {
		return false
	}
	group := uint16(a[i/16*2])<<8 | uint16(a[i/16*2+1])
	return group>>(16-i%16) == 0
}

// hashBit returns a keyed one-bit hash of the first n bits of an address.
func hashBit(c cipher.Block, a []byte, n int) bool {
	var in, out [aes.BlockSize]byte
	copy(in[:], a[:n/8])
	// The rest of the last byte, followed by a one, so that prefixes of different length always differ.
	in[n/8] = a[n/8]&^(0xff>>(n%8)) | 0x80>>(n%8)
	c.Encrypt(out[:], in[:])
	return out[0]&1 == 1
}

// linkLocal replaces an address made from a MAC (RFC 4291, appendix A) by that of the MAC's replacement. It also replaces
// identifiers that a host drew for itself (RFC 7217) or that hold an IPv4 address (RFC 5214). Those of at most 16 bits
// are chosen by hand, such as fe80::1, and stay.
func (m *addressMap) linkLocal(b [16]byte) netip.Addr {
	b[1] &= 0xc0
	clear(b[2:8]) // bits between the prefix and the identifier are zero by the standard
	switch {
	case [6]byte(b[8:14]) == [6]byte{}:
	case b[11] == 0xff && b[12] == 0xfe:
		mac := m.macs(inspect.MAC{b[8] ^ 2, b[9], b[10], b[13], b[14], b[15]})
		copy(b[8:], []byte{mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
	default:
		var out [aes.BlockSize]byte
		m.v6.Encrypt(out[:], b[:])
		copy(b[8:], out[:8])
		b[8] |= 1 // never looks chosen by hand
	}
	return netip.AddrFrom16(b)
}
