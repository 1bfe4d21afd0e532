package redact

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/blocks"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
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
	for _, name := range it.Recordings(t) {
		cases = append(cases, it.Case{Name: name, Snapshot: it.Recording(t, name)})
	}
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

// TestRedactHidesEveryField plants a secret in every string, address and Ethernet address of a Snapshot, in each form that
// some rule looks at, and looks for it in the file. A field that somebody adds to the Snapshot is planted, too.
func TestRedactHidesEveryField(t *testing.T) {
	forms := []string{
		"%s", "node-restriction.kubernetes.io/%s", "%s.k8s.io/zone", "%s.kubernetes.io/x", "projectcalico.org/%s", "node-role.kubernetes.io/%s",
		"k8s-app-%s", "node.%s", "vxlan-tunnel-addr-%s", "cali%s", "veth%s", "eni%s", "azv%s", "enx%s", "eth0-%s", "eth0.%s", "vxlan.calico.%s",
		"net.ipv4.conf.%s.rp_filter", "net.ipv4.conf.eth0.%s", "net.core.%s", "v3.28.5-%s", "6.8.0-%s", "12%s", "https-%s", "http%s",
		"TCP%s", "Running %s", "virtual:%s", "kube-%s", "has(%s)", "a == '%s'", "a in {\"%s\"} && %s", "(%s", "^(%s.*)$", "kind://%s", "host:%s",
	}
	for i, form := range forms {
		p := planter{form: form, kind: i}
		s := &inspect.Snapshot{}
		p.plant(reflect.ValueOf(s).Elem())
		if len(p.secrets) < 100 {
			t.Fatalf("only %d values were planted", len(p.secrets))
		}
		text := string(written(t, redact(s, testKey())))
		for _, secret := range p.secrets {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s: %s is left: …%.100s", form, secret, text[max(0, at-60):])
			}
		}
	}
}

// planter gives each pointer, slice and map one element, and each string, address and Ethernet address a secret.
type planter struct {
	form    string
	kind    int // of addresses
	secrets []string
}

func (p *planter) plant(v reflect.Value) {
	n := len(p.secrets)
	secret := fmt.Sprintf("secret%04d", n)
	switch at := v.Addr().Interface().(type) {
	case *time.Time:
		return
	case *netip.Addr:
		*at = p.addr()
		return
	case *netip.Prefix:
		a := p.addr()
		*at = netip.PrefixFrom(a, a.BitLen())
		return
	case *inspect.MAC:
		*at = inspect.MAC{byte(p.kind) << 1 &^ 1, 0x33, 0x44, 0x55, byte(n >> 8), byte(n)}
		p.secrets = append(p.secrets, at.String()[3:])
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(strings.ReplaceAll(p.form, "%s", secret))
		p.secrets = append(p.secrets, secret)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		p.plant(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		p.plant(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		p.plant(key)
		p.plant(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			p.plant(v.Field(i))
		}
	}
}

// addr is an address of one of the kinds that could be mistaken for harmless ones: near ranges that are kept, and with an
// IPv4 address within.
func (p *planter) addr() netip.Addr {
	kinds := []string{
		"10.77.0.0", "172.20.0.0", "192.168.0.0", "100.99.0.0", "203.0.114.0", "198.51.101.0", "192.0.3.0", "192.169.0.0", "172.32.0.0", "100.128.0.0",
		"8.8.0.0", "126.0.0.0", "169.253.0.0", "169.254.77.0", "223.255.0.0", "239.1.0.0", "240.7.0.0", "::ffff:10.77.0.0", "64:ff9b::8.8.0.0",
		"64:ff9b:1::a4d:0", "::8.8.0.0", "2002:a4d:1::", "2001:0:53aa::a4d:0", "2001:db9::", "2001:db7:ffff::", "fd00:77::", "fc00:77::",
		"fe80::5efe:a4d:0", "fe80::1234:5678:0:0", "fe80:77::", "ff02::1:ff4d:0", "ff05:77::", "2a00:77::", "100::77:0:0",
	}
	a := netip.MustParseAddr(kinds[p.kind%len(kinds)])
	b, n := a.As16(), len(p.secrets)+257 // in the last 16 bits
	b[14] |= byte(n >> 8)
	b[15] = byte(n)
	hidden := netip.AddrFrom16(b)
	if a.Is4() {
		hidden = hidden.Unmap()
	}
	p.secrets = append(p.secrets, hidden.String())
	return hidden
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

func TestSelector(t *testing.T) {
	s := &inspect.Snapshot{}
	tests := map[string]string{
		"":                                     "",
		"all()":                                "all()",
		"!has(acme.com/rack)":                  "!has(label-2)",
		`a == "r1" && b != 'r2'`:               `label-1 == "value-2" && label-3 != 'value-3'`,
		`a in {"r1", 'r2'} || !all()`:          `label-1 in {"value-2", 'value-3'} || !all()`,
		`a not in { "has(x)" }`:                `label-1 not in { "value-1" }`,
		`a starts with "x" && b ends with "y"`: `label-1 starts with "value-4" && label-3 ends with "value-5"`,
		`in == "r1" words in a row`:            `label-4 == "value-2" label-6 in label-1 label-5`,
		`a == "never closed`:                   "a selector that cannot be read",
	}
	texts := slices.Sorted(maps.Keys(tests))
	for _, text := range texts {
		s.Pools = append(s.Pools, inspect.IPPool{NodeSelector: text})
	}
	for i, pool := range redact(s, testKey()).Pools {
		if want := tests[texts[i]]; pool.NodeSelector != want {
			t.Errorf("%s becomes %s, want %s", texts[i], pool.NodeSelector, want)
		}
	}
}

// TestPattern: an mtuIfacePattern matches the same devices under their new names.
func TestPattern(t *testing.T) {
	s := &inspect.Snapshot{Tables: map[string]inspect.NodeTable{"n": {Links: []inspect.Link{{Name: "acme0"}, {Name: "acme1"}, {Name: "eth0"}, {Name: "rest"}}}}}
	s.Calico.FelixEnv.MTUIfacePattern = "^(acme.*|eth0)$"
	s.Calico.Felix = map[string]inspect.FelixSettings{"default": {MTUIfacePattern: felix.DefaultMTUIfacePattern}, "node.n": {MTUIfacePattern: "(acme"}}
	out := redact(s, testKey())
	re := regexp.MustCompile(out.Calico.FelixEnv.MTUIfacePattern)
	for i, l := range out.Tables["node-1"].Links {
		if want := i < 3; re.MatchString(l.Name) != want {
			t.Errorf("%s: %s matches: %v, want %v", re, l.Name, !want, want)
		}
	}
	if got := out.Calico.Felix["default"].MTUIfacePattern; got != felix.DefaultMTUIfacePattern {
		t.Errorf("the default becomes %s", got)
	}
	if _, err := regexp.Compile(out.Calico.Felix["node.node-1"].MTUIfacePattern); err == nil {
		t.Error("a pattern that Felix cannot compile becomes one that it can")
	}
}
