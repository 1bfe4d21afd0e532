package nodetables

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// fakeAccess answers the attempts at a node one after the other; the last answer stands for all further ones.
type fakeAccess struct {
	name    string
	answers []answer

	mu   sync.Mutex
	runs map[string]int
}

type answer struct {
	out string
	err error
}

func (f *fakeAccess) Name() string { return f.name }

func (f *fakeAccess) Run(_ context.Context, node, script string, _ ...string) ([]byte, error) {
	if script != Script {
		return nil, fmt.Errorf("another script than the fixed one: %q", script)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.runs == nil {
		f.runs = map[string]int{}
	}
	n := min(f.runs[node], len(f.answers)-1)
	f.runs[node]++
	return []byte(f.answers[n].out), f.answers[n].err
}

// quick are options under which no test waits.
func quick() Options { return Options{Pause: time.Nanosecond} }

func TestTables(t *testing.T) {
	good := answer{out: string(emptyNode().bytes())}
	cutOff := answer{out: good.out[:len(good.out)/2]}
	failed := emptyNode()
	failed.set(sectionLink, "", 127, "sh: 1: ip: not found")
	broken := answer{err: errors.New("unable to upgrade connection: error dialing backend")}
	refused := answer{err: access.Permanent(errors.New("cannot create pods/exec in namespace calico-system: permission denied"))}

	tests := map[string]struct {
		first, second []answer
		runs          [2]int // of the first and the second way
		reason        string // empty: the node is read; a line for each way
	}{
		"one run where nothing fails":       {first: []answer{good}, runs: [2]int{1, 0}},
		"no output is tried again":          {first: []answer{{}, good}, runs: [2]int{2, 0}},
		"output cut off is tried again":     {first: []answer{cutOff, cutOff, good}, runs: [2]int{3, 0}},
		"a broken stream is tried again":    {first: []answer{broken, good}, runs: [2]int{2, 0}},
		"output of a broken stream is void": {first: []answer{{out: good.out, err: broken.err}, good}, runs: [2]int{2, 0}},
		"a refusal is final, the next way is tried": {
			first: []answer{refused}, second: []answer{good}, runs: [2]int{1, 1},
		},
		"after three attempts the next way is tried": {
			first: []answer{broken}, second: []answer{{}, good}, runs: [2]int{3, 2},
		},
		"what the node says is final": {
			first: []answer{{out: string(failed.bytes())}}, runs: [2]int{1, 0},
			reason: "exec: section link: exit code 127: sh: 1: ip: not found (the tables are read with iproute2's ip -json)",
		},
		"never empty tables for no answer": {
			first: []answer{{}}, runs: [2]int{3, 0},
			reason: "exec: no output: inconclusive",
		},
		"too much output": {
			first: []answer{{err: access.Permanent(access.ErrTooLarge{Limit: access.MaxOutput})}}, runs: [2]int{1, 0},
			reason: "exec: printed more than 16 MiB",
		},
		"every way gives its reason": {
			first: []answer{refused}, second: []answer{cutOff}, runs: [2]int{1, 3},
			reason: "exec: cannot create pods/exec in namespace calico-system: permission denied\n" +
				`debug: section "route6": output cut off: inconclusive`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			first := &fakeAccess{name: "exec", answers: tt.first}
			second := &fakeAccess{name: "debug", answers: tt.second}
			ways := []access.Way{first}
			if tt.second != nil {
				ways = append(ways, second)
			}
			tables, missing := Tables(t.Context(), ways, []string{"n1"}, quick())
			if got := [2]int{first.runs["n1"], second.runs["n1"]}; got != tt.runs {
				t.Errorf("runs %v, want %v", got, tt.runs)
			}
			if _, read := tables["n1"]; read != (tt.reason == "") {
				t.Errorf("read: %v", read)
			}
			var want []inspect.Missing
			for line := range strings.Lines(tt.reason) {
				want = append(want, inspect.Missing{Fact: inspect.FactTables, Node: "n1", Reason: strings.TrimSpace(line)})
			}
			if diff := cmp.Diff(want, missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTablesMany: each node is read once, no more at a time than asked for, and failures come in the order of the
// nodes.
func TestTablesMany(t *testing.T) {
	var nodes, bad []string
	for i := range 100 {
		nodes = append(nodes, fmt.Sprintf("node-%03d", i))
		if i%10 == 0 {
			bad = append(bad, nodes[i])
		}
	}
	way := &countingAccess{bad: bad}
	tables, missing := Tables(t.Context(), []access.Way{way}, nodes, Options{Concurrency: 7})
	var failed []string
	for _, m := range missing {
		failed = append(failed, m.Node)
	}
	if !slices.Equal(failed, bad) {
		t.Errorf("missing %v, want %v", failed, bad)
	}
	if len(tables) != len(nodes)-len(bad) || way.total.Load() != int64(len(nodes)) {
		t.Errorf("%d tables from %d runs", len(tables), way.total.Load())
	}
	if most := way.most.Load(); most > 7 {
		t.Errorf("%d at a time, want no more than 7", most)
	}
}

// countingAccess refuses the bad nodes and counts.
type countingAccess struct {
	bad                []string
	total, there, most atomic.Int64
}

func (*countingAccess) Name() string { return "fake" }

func (a *countingAccess) Run(_ context.Context, node, _ string, _ ...string) ([]byte, error) {
	a.total.Add(1)
	now := a.there.Add(1)
	defer a.there.Add(-1)
	for most := a.most.Load(); now > most && !a.most.CompareAndSwap(most, now); most = a.most.Load() {
	}
	if slices.Contains(a.bad, node) {
		return nil, access.Permanent(errors.New("no"))
	}
	return emptyNode().bytes(), nil
}

// TestTablesInterrupted: an interruption ends everything at once, and no node is silently left out.
func TestTablesInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	way := accessFunc(func(ctx context.Context, _ string) ([]byte, error) {
		cancel(errors.New("ctrl-c"))
		<-ctx.Done()
		return nil, ctx.Err()
	})
	nodes := []string{"a", "b", "c", "d"}
	tables, missing := Tables(ctx, []access.Way{way, way}, nodes, Options{Concurrency: 2, Pause: time.Hour})
	if len(tables) != 0 || len(missing) != len(nodes) {
		t.Fatalf("%d tables, %d missing", len(tables), len(missing))
	}
	for _, m := range missing {
		if m.Reason != "interrupted: ctrl-c" {
			t.Errorf("%s: reason %q", m.Node, m.Reason)
		}
	}
}

// accessFunc is an access.Way made of a function.
type accessFunc func(ctx context.Context, node string) ([]byte, error)

func (accessFunc) Name() string { return "fake" }

func (f accessFunc) Run(ctx context.Context, node, _ string, _ ...string) ([]byte, error) {
	return f(ctx, node)
}

func TestNoWay(t *testing.T) {
	if _, missing := Tables(t.Context(), nil, []string{"a"}, quick()); len(missing) != 1 {
		t.Errorf("missing: %v", missing)
	}
}

func TestReason(t *testing.T) {
	err := errors.Join(errors.New("one\ttwo"), errors.New("  three"), errors.New(strings.Repeat("é", 500)))
	got := reason(err)
	if !strings.HasPrefix(got, "one two; three; éé") || len(got) > maxReason+len("…") || !strings.HasSuffix(got, "é…") {
		t.Errorf("reason %q", got)
	}
}

// BenchmarkTables reports how many times faster 200 nodes are read than one after the other.
func BenchmarkTables(b *testing.B) {
	const delay = 100 * time.Millisecond
	var nodes []string
	for i := range 200 {
		nodes = append(nodes, fmt.Sprintf("node-%03d", i))
	}
	out := largeNode(len(nodes))
	way := accessFunc(func(ctx context.Context, _ string) ([]byte, error) {
		select {
		case <-time.After(delay):
			return out, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	for b.Loop() {
		if _, missing := Tables(b.Context(), []access.Way{way}, nodes, Options{}); missing != nil {
			b.Fatal(missing)
		}
	}
	perRun := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(len(nodes))*delay.Seconds()/perRun.Seconds(), "times-faster")
}

// BenchmarkParse parses the tables of a node in a dual-stack cluster of a thousand.
func BenchmarkParse(b *testing.B) {
	out := largeNode(1000)
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(out); err != nil {
			b.Fatal(err)
		}
	}
}

// largeNode is the output of a node with as many others, in both families.
func largeNode(others int) []byte {
	o := emptyNode()
	var routes4, routes6, neigh4, neigh6, fdb []string
	for i := range others {
		mac := fmt.Sprintf("66:00:00:00:%02x:%02x", i>>8, i&0xff)
		v4, v6 := fmt.Sprintf("10.%d.%d", i>>8, i&0xff), fmt.Sprintf("fd00:10:244:%x:", i)
		routes4 = append(routes4, fmt.Sprintf(
			`{"dst":"%s.0/26","gateway":"%s.0","dev":"vxlan.calico","flags":["onlink"],"metrics":[{"mtu":1450}]}`, v4, v4))
		routes6 = append(routes6, fmt.Sprintf(
			`{"dst":"%s:/122","gateway":"%s:","dev":"vxlan-v6.calico","metric":1024,"flags":["onlink"],"pref":"medium"}`, v6, v6))
		neigh4 = append(neigh4, fmt.Sprintf(`{"dst":"%s.0","dev":"vxlan.calico","lladdr":"%s","state":["PERMANENT"]}`, v4, mac))
		neigh6 = append(neigh6, fmt.Sprintf(`{"dst":"%s:","dev":"vxlan-v6.calico","lladdr":"%s","state":["PERMANENT"]}`, v6, mac))
		fdb = append(fdb,
			fmt.Sprintf(`{"dst":"172.16.%d.%d","dev":"vxlan.calico","lladdr":"%s","state":["NOARP","PERMANENT"]}`, i>>8, i&0xff, mac),
			fmt.Sprintf(`{"dst":"fd00::%x","dev":"vxlan-v6.calico","lladdr":"%s","state":["NOARP","PERMANENT"]}`, i, mac))
	}
	o.set(sectionLink, `[{"ifname":"vxlan.calico","linkinfo":{"info_kind":"vxlan"}},`+
		`{"ifname":"vxlan-v6.calico","linkinfo":{"info_kind":"vxlan"}}]`, 0, "")
	for name, rows := range map[string][]string{
		sectionRoute4: routes4, sectionRoute6: routes6, sectionNeigh4: neigh4, sectionNeigh6: neigh6, sectionFDB: fdb,
	} {
		o.set(name, "["+strings.Join(rows, ",")+"]", 0, "")
	}
	return o.bytes()
}

// TestParseMemory: what one node prints takes no more memory than it may, whatever it is. Each of these took gigabytes, or
// would.
func TestParseMemory(t *testing.T) {
	const size = access.MaxOutput - 1<<20
	fill := func(before, item, after string) string {
		return before + strings.Repeat(item+",", size/(len(item)+1)) + item + after
	}
	for name, test := range map[string]struct{ section, text string }{
		"next hops that are null": {sectionRoute4, fill(`[{"dst":"default","nexthops":[`, "null", "]}]")},
		"addresses that are null": {sectionAddr, fill(`[{"ifname":"a","addr_info":[`, "null", "]}]")},
		"flags that are empty":    {sectionLink, fill(`[{"ifname":"a","flags":[`, `""`, "]}]")},
		"links that are short":    {sectionLink, fill("[", `{"ifname":"a"}`, "]")},
		"rules that are short":    {sectionRule4, fill("[", `{"a":0}`, "]")},
		"a rule of many keys":     {sectionRule4, fill("[{", `"a":0`, "}]")},
	} {
		t.Run(name, func(t *testing.T) {
			o := emptyNode()
			o.set(test.section, test.text, 0, "")
			out := o.bytes()
			clear(o)
			peak := watchHeap(func() { _, _ = Parse(out) })
			if peak > 512<<20 {
				t.Errorf("%d MiB for an output of %d MiB", peak>>20, len(out)>>20)
			}
		})
	}
}

// hostileAccess prints as much as it may on each node, and pays for it as the real ways do.
type hostileAccess struct{ out []byte }

func (hostileAccess) Name() string { return "hostile" }

func (h hostileAccess) Run(ctx context.Context, _, _ string, _ ...string) ([]byte, error) {
	stdout := access.NewOutput(ctx, access.MaxOutput)
	if _, err := stdout.Write(h.out); err != nil {
		return nil, err
	}
	return stdout.Bytes(), nil
}

// TestNodesShareMemory: many nodes that print as much as they may take no more memory together than one goal, and each is
// read or missing with the reason.
func TestNodesShareMemory(t *testing.T) {
	for name, text := range map[string]string{
		"what no table has": `[{"x":"` + strings.Repeat("a", access.MaxOutput-1<<20) + `"}]`,
		"tables":            `[{"dst":"default","nexthops":[` + strings.Repeat("null,", 150_000) + "null]}]", // within what one node may take
	} {
		t.Run(name, func(t *testing.T) {
			o := emptyNode()
			o.set(sectionRoute6, text, 0, "")
			way := hostileAccess{o.bytes()}
			clear(o)
			nodes := make([]string, 32)
			for i := range nodes {
				nodes[i] = fmt.Sprintf("node%02d", i)
			}
			defer debug.SetGCPercent(debug.SetGCPercent(20))
			var tables map[string]inspect.NodeTable
			var missing []inspect.Missing
			peak := watchHeap(func() { tables, missing = Tables(t.Context(), []access.Way{way}, nodes, quick()) })
			if peak > 512<<20 {
				t.Errorf("%d MiB", peak>>20)
			}
			if len(tables)+len(missing) != len(nodes) {
				t.Errorf("%d nodes were read and %d are missing, of %d", len(tables), len(missing), len(nodes))
			}
			for _, m := range missing {
				if !strings.Contains(m.Reason, "MiB of memory") {
					t.Errorf("node %s is missing: %s", m.Node, m.Reason)
				}
			}
			t.Logf("%d MiB, %d nodes read", peak>>20, len(tables))
		})
	}
}

// watchHeap returns the most bytes of heap that were in use while f ran.
func watchHeap(f func()) uint64 {
	stop, peaks := make(chan struct{}), make(chan uint64)
	go func() {
		var peak uint64
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
			select {
			case <-stop:
				peaks <- peak
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	runtime.GC()
	f()
	close(stop)
	return <-peaks
}
