package redact

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/blocks"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/ippools"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/neighbors"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/pods"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/services"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/vxlan"
)

func testKey() [32]byte { return [32]byte{1, 2, 3} }

// TestRedactSameFindings: every inspector finds in a redacted snapshot the rows that it finds in the original, under
// their new names, with the same statuses: in clusters in which nothing is wrong, and with each fault.
func TestRedactSameFindings(t *testing.T) {
	cases := it.Healthy()
	for _, f := range inspect.Families() {
		cases = append(cases, faults(f)...)
	}
	cases = append(cases, it.Case{Name: "many nodes", Snapshot: it.Synthetic(30)}, it.Case{Name: "sample", Snapshot: it.Sample()})
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			r := newRedactor(c.Snapshot, testKey())
			want := findings(c.Snapshot, r)
			got := findings(redact(c.Snapshot, testKey()), nil)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-original +redacted:\n%s", diff)
			}
		})
	}
}

func faults(f inspect.Family) []it.Case {
	stranger := netip.MustParseAddr("10.10.10.99")
	gateway := it.HostOf(it.Worker2, f).Address.Addr()
	if f == inspect.IPv6 {
		stranger = netip.MustParseAddr("fd00:10:10::99")
	}
	changes := map[string]it.Change{
		"FDB entry deleted":    it.FDBDeleted(it.Worker, it.Worker2, f),
		"FDB entry moved":      it.FDBMoved(it.Worker, it.Worker2, f, stranger),
		"FDB entry added":      it.FDBAdded(it.Worker, f, it.MAC("66:01:02:03:04:05"), stranger),
		"neighbour deleted":    it.NeighborDeleted(it.Worker, it.Worker2, f),
		"neighbour changed":    it.NeighborChanged(it.Worker, it.Worker2, f, inspect.MAC(calico.VTEPMAC(it.ControlPlane, f.Is6()))),
		"neighbour added":      it.NeighborAdded(it.Worker, f, stranger, it.MAC("66:01:02:03:04:05")),
		"route deleted":        it.RouteDeleted(it.Worker, it.Worker2, f),
		"route moved":          it.RouteMoved(it.Worker, it.ControlPlane, f, gateway, "eth1"),
		"device down":          it.DeviceDown(it.Worker, f),
		"device deleted":       it.DeviceDeleted(it.Worker, f),
		"device with MTU 1400": it.DeviceChanged(it.Worker, f, func(l *inspect.Link) { l.MTU = 1400 }),
		"no tunnel address":    it.TunnelAddressRemoved(it.Worker, f),
		"another VNI":          it.VNIChanged(4097),
		"a node not read":      it.Unread(it.Worker, "exec: cannot create pods/exec in acme-namespace"),
	}
	var cases []it.Case
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		cases = append(cases, it.Case{Name: fmt.Sprintf("%s, %s", name, f), Snapshot: it.With(changes[name])})
	}
	return cases
}

// findings lists what the inspectors report, sorted; names and addresses as r replaces them, or as they are without
// one.
func findings(s *inspect.Snapshot, r *redactor) []string {
	node, pod, namespace, pool, device := same[string], same[string], same[string], same[string], same[string]
	addr, mac, network := same[netip.Addr], same[inspect.MAC], same[netip.Prefix]
	if r != nil {
		node, pod, namespace, pool, device = r.nodes.of, r.pods.of, r.namespaces.of, r.pools.of, r.device
		addr, mac, network = r.addrs.addr, r.mac, r.addrs.network
	}
	var out []string
	add := func(what string, parts ...any) { out = append(out, fmt.Sprintln(append([]any{what}, parts...)...)) }
	for _, e := range fdb.Analyze(s, fdb.Options{}).Items {
		add("fdb", node(e.Node), e.Family, e.Device, mac(e.MAC), addr(e.VTEP), node(e.RemoteNode), e.Status, len(e.Problems))
	}
	for _, e := range neighbors.Analyze(s, neighbors.Options{}).Items {
		add("neighbor", node(e.Node), e.Family, e.Device, addr(e.IP), mac(e.MAC), node(e.RemoteNode), e.Status, len(e.Problems))
	}
	for _, e := range routes.Analyze(s, routes.Options{}).Items {
		add("route", node(e.Node), e.Family, network(e.Destination), addr(e.Via), device(e.Device), e.Kind, node(e.RemoteNode), e.Status)
	}
	for _, e := range vxlan.Analyze(s, vxlan.Options{}).Items {
		add("vxlan", node(e.Node), e.Family, e.Device, e.VNI, addr(e.VTEP), e.Parent, e.Port, e.MTU, mac(e.MAC), e.Status, len(e.Problems))
	}
	for _, e := range blocks.Analyze(s, blocks.Options{}).Items {
		add("block", network(e.CIDR), pool(e.Pool), node(e.Node), e.Capacity, e.Allocated)
		for _, b := range e.Borrowed {
			add("borrowed", addr(b.IP), node(b.Node))
		}
	}
	for _, e := range ippools.Analyze(s, ippools.Options{}).Items {
		add("pool", pool(e.Name), network(e.CIDR), e.BlockSize, e.Capacity, text(e.Allocated))
	}
	for _, e := range pods.Analyze(s.Pods, s.Pools, 0).Items {
		add("pod", namespace(e.Namespace), pod(e.Name), node(e.Node), addr(e.IPv4), addr(e.IPv6), device(e.Interface))
	}
	for _, e := range services.Analyze(s, 0).Items {
		add("service", namespace(e.Namespace), e.Type, addr(e.IPv4), addr(e.IPv6), text(e.Endpoints))
	}
	slices.Sort(out)
	return out
}

func same[T any](v T) T { return v }

// text shows what pointers point to.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// TestRedactKeepsOnly fills each string of a snapshot with text of its own and lists which of them a redacted copy
// still has. A field that is added to the Snapshot shows here: it must be replaced, or be harmless.
func TestRedactKeepsOnly(t *testing.T) {
	s := &inspect.Snapshot{}
	fill(reflect.ValueOf(s).Elem(), "")
	var kept []string
	eachString(reflect.ValueOf(redact(s, testKey())).Elem(), "", func(path, text string) {
		if strings.Contains(text, "secret") {
			kept = append(kept, path)
		}
	})
	slices.Sort(kept)
	testutil.Golden(t, "keeps.golden.txt", []byte(strings.Join(kept, "\n")+"\n"))
}

// fill gives each slice and map one element and each string a text.
func fill(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("secret" + strings.ReplaceAll(path, ".", ""))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), path)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, path+".key")
		fill(value, path)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		if v.Type().PkgPath() == "net/netip" || v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	}
}

// eachString calls f for each string.
func eachString(v reflect.Value, path string, f func(path, text string)) {
	switch v.Kind() {
	case reflect.String:
		f(path, v.String())
	case reflect.Slice:
		for i := range v.Len() {
			eachString(v.Index(i), path, f)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			eachString(key, path+".key", f)
			eachString(v.MapIndex(key), path, f)
		}
	case reflect.Struct:
		if v.Type().PkgPath() == "net/netip" {
			return
		}
		for i := range v.NumField() {
			eachString(v.Field(i), path+"."+v.Type().Field(i).Name, f)
		}
	}
}

// TestRedactLeaks: of a lab and the sample, no name and no address is left.
func TestRedactLeaks(t *testing.T) {
	secrets := []string{
		"dual-stack", "multitool", "acme", "worker2", "shop", "web", "0123abcd", "6a8f", "kind://", "02:42:ac:12",
		"10.10.10.", "fd00:10:", "1.1.1.1", "192.168.92.",
	}
	for _, s := range []*inspect.Snapshot{it.Lab(), it.Sample()} {
		text := string(written(t, redact(s, testKey())))
		for _, secret := range secrets {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%q is left: …%.100s", secret, text[max(0, i-30):])
			}
		}
	}
}

// written is the text of the file that holds a snapshot, which must be readable.
func written(t *testing.T, s *inspect.Snapshot) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := snapfile.Write(&file, s); err != nil {
		t.Fatal(err)
	}
	if _, err := snapfile.Read(bytes.NewReader(file.Bytes())); err != nil {
		t.Error(err)
	}
	plain, err := gzip.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestRedactOriginal(t *testing.T) {
	for _, s := range []*inspect.Snapshot{it.Lab(), it.Sample(), {}} {
		before := written(t, s)
		first := written(t, redact(s, testKey()))
		if !bytes.Equal(before, written(t, s)) {
			t.Error("the original was changed")
		}
		if !bytes.Equal(first, written(t, redact(s, testKey()))) {
			t.Error("the same key gives different copies")
		}
	}
	if bytes.Equal(written(t, Snapshot(it.Lab())), written(t, Snapshot(it.Lab()))) {
		t.Error("two copies have the same addresses")
	}
}

// TestAddressMap: what two addresses share they share afterwards, to the bit; and what an address is it stays.
func TestAddressMap(t *testing.T) {
	m := newAddressMap(testKey(), same[inspect.MAC])
	random := rand.New(rand.NewPCG(1, 2))
	var all []netip.Addr
	for range 300 {
		for _, base := range slices.Concat(ownMeaning(), ownKind(), prefixes("0.0.0.0/0", "::/0", "fd00:10:10::/64", "10.10.10.0/24")) {
			all = append(all, randomIn(random, base))
		}
	}
	for range 20000 {
		a, b := all[random.IntN(len(all))], all[random.IntN(len(all))]
		if a.Is4() != b.Is4() || a.IsLinkLocalUnicast() || b.IsLinkLocalUnicast() {
			continue
		}
		if before, after := common(a, b), common(m.addr(a), m.addr(b)); before != after {
			t.Fatalf("%s and %s share %d bits, %s and %s share %d", a, b, before, m.addr(a), m.addr(b), after)
		}
	}
	for _, a := range all {
		got := m.addr(a)
		if a.IsPrivate() != got.IsPrivate() || a.IsLoopback() != got.IsLoopback() || a.IsMulticast() != got.IsMulticast() ||
			a.IsGlobalUnicast() != got.IsGlobalUnicast() || a.IsLinkLocalUnicast() != got.IsLinkLocalUnicast() {
			t.Fatalf("%s becomes %s, which is of another kind", a, got)
		}
	}
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
	for _, s := range []string{"0.0.0.0/0", "::/0", "10.0.0.0/8", "192.168.0.0/16", "fe80::/64", "fe80::/10"} {
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
}

func TestMapSelector(t *testing.T) {
	replace := func(s string) string { return "<" + s + ">" }
	tests := map[string]string{
		"":                                     "",
		"all()":                                "all()",
		"!has(acme.com/rack)":                  "!has(<acme.com/rack>)",
		`rack == "r1" && zone != 'z-1'`:        `<rack> == "<r1>" && <zone> != '<z-1>'`,
		`rack in {"r1", 'r2'} || !all()`:       `<rack> in {"<r1>", '<r2>'} || !all()`,
		`rack not in { "has(x)" }`:             `<rack> not in { "<has(x)>" }`,
		`a starts with "x" && b ends with "y"`: `<a> starts with "<x>" && <b> ends with "<y>"`,
		`rack == "never closed`:                `<rack> == `,
	}
	for in, want := range tests {
		if got := mapSelector(in, replace, replace); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}
