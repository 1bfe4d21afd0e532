package redact

import (
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// TestAddressMap: what two addresses of a class share they share afterwards, to the bit; what an address is it stays; and
// no two become one.
func TestAddressMap(t *testing.T) {
	m := newAddressMap(testKey(), same[inspect.MAC])
	random := rand.New(rand.NewPCG(1, 2))
	bases := []netip.Prefix{netip.MustParsePrefix("fd00:10:10::/64"), netip.MustParsePrefix("10.10.10.0/24"), netip.MustParsePrefix("203.0.112.0/21")}
	for _, c := range classes() {
		bases = append(bases, c.Prefix)
	}
	var all []netip.Addr
	before := map[netip.Addr]netip.Addr{}
	for range 300 {
		for _, base := range bases {
			a := randomIn(random, base)
			all = append(all, a)
			if b, ok := before[m.addr(a)]; ok && b != a {
				t.Fatalf("%s and %s become %s", a, b, m.addr(a))
			}
			before[m.addr(a)] = a
		}
	}
	compared := 0
	for range 200000 {
		a, b := all[random.IntN(len(all))], all[random.IntN(len(all))]
		c := m.classOf(a)
		if c != m.classOf(b) || c.how != hashed || common(a, b) < 8 {
			continue
		}
		compared++
		if before, after := common(a, b), common(m.addr(a), m.addr(b)); before != after && m.classOf(m.hashBits(a, c.Bits())) == c && m.classOf(m.hashBits(b, c.Bits())) == c {
			t.Fatalf("%s and %s share %d bits, %s and %s share %d", a, b, before, m.addr(a), m.addr(b), after)
		}
	}
	if compared < 1000 {
		t.Errorf("only %d pairs were compared", compared)
	}
	for _, a := range all {
		got := m.addr(a)
		if a.IsPrivate() != got.IsPrivate() || a.IsLoopback() != got.IsLoopback() || a.IsMulticast() != got.IsMulticast() ||
			a.IsGlobalUnicast() != got.IsGlobalUnicast() || a.IsLinkLocalUnicast() != got.IsLinkLocalUnicast() || m.classOf(a) != m.classOf(got) {
			t.Fatalf("%s becomes %s, which is of another kind", a, got)
		}
	}
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

func randomIn(random *rand.Rand, p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		if random.IntN(2) == 1 {
			b[i/8] ^= 0x80 >> (i % 8)
		}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func TestAddressMapKeeps(t *testing.T) {
	m := newAddressMap(testKey(), func(inspect.MAC) inspect.MAC { return inspect.MAC{2, 0xaa, 0xbb, 0xcc, 0xdd, 0xee} })
	for _, s := range []string{
		"0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255", "192.0.2.7", "::", "::1", "fe80::1", "ff02::1",
		"2001:db8::1",
	} {
		if got := m.addr(netip.MustParseAddr(s)); got.String() != s {
			t.Errorf("%s becomes %s", s, got)
		}
	}
	for _, s := range []string{"0.0.0.0/0", "::/0", "10.0.0.0/8", "192.168.0.0/16", "fe80::/64", "fe80::/10", "172.16.0.0/12",
		"0.0.0.0/1", "128.0.0.0/1", "2000::/3", "fc00::/7", "64:ff9b::/96", "::ffff:0.0.0.0/96"} {
		if got := m.network(netip.MustParsePrefix(s)); got.String() != s {
			t.Errorf("%s becomes %s", s, got)
		}
	}
	if got := m.addr(netip.MustParseAddr("fe80::42:acff:fe12:3")); got.String() != "fe80::aa:bbff:fecc:ddee" {
		t.Errorf("the address made of a MAC becomes %s", got)
	}
	if got := m.addr(netip.MustParseAddr("fe80::1234:5678:9abc:def0")); !got.IsLinkLocalUnicast() || strings.Contains(got.String(), "9abc") {
		t.Errorf("the address drawn by a host becomes %s", got)
	}
	if got := m.addr(netip.MustParseAddr("fd00:10:10::10")).String(); !strings.HasSuffix(got, "::10") {
		t.Errorf("fd00:10:10::10 grows to %s", got)
	}
	v4 := m.addr(netip.MustParseAddr("8.8.4.4"))
	for _, prefix := range []string{"::ffff:", "64:ff9b::", "::"} {
		want := netip.MustParseAddr(prefix + v4.String())
		if got := m.addr(netip.MustParseAddr(prefix + "8.8.4.4")); got != want || v4.String() == "8.8.4.4" {
			t.Errorf("%s8.8.4.4 becomes %s, and 8.8.4.4 becomes %s", prefix, got, v4)
		}
	}
}
