//go:build bench

package scale

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather/nodetables"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/apiserver"
)

// rounds is how often each program runs; they take turns, so that what else the machine does hits all of them.
const rounds = 3

// execDelay is how long a node takes to answer.
const execDelay = 100 * time.Millisecond

const (
	mega = 1e6
	gibi = 1 << 30
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == measureArgument {
		if err := measureProgram(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	fmt.Printf("%s, %d CPUs, load before the start %s\n", cpuModel(), runtime.NumCPU(), firstLine("/proc/loadavg"))
	os.Exit(m.Run())
}

// BenchmarkCluster fills an API server with pods and nodes, then measures listing the pods, beside kubectl and calicoctl, and
// verifying the forwarding tables of the nodes.
func BenchmarkCluster(b *testing.B) {
	for b.Loop() {
		c := startCluster(b)
		c.measureCheck(b, c.measurePods(b), c.measureFDB(b))
	}
}

// cluster is what the programs are run against.
type cluster struct {
	bin, plugin, kubeconfig string
	kubelet                 *apiserver.Kubelet
}

// startCluster starts an API server with nodeCount nodes, whose tables are as they must be, and podCount pods.
func startCluster(b *testing.B) *cluster {
	bin, crds, err := apiserver.Requirements()
	if err != nil {
		b.Fatal(err)
	}
	c := &cluster{bin: bin, plugin: buildPlugin(b)}
	nodes := inspecttest.Synthetic(nodeCount)
	answer, err := apiserver.Answers(nodes)
	if err != nil {
		b.Fatal(err)
	}
	c.kubelet = apiserver.StartKubelet(answer, execDelay)
	b.Cleanup(c.kubelet.Stop)
	server, err := apiserver.Start(b.Context(), bin, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Stop)
	objects, err := apiserver.Objects(nodes, c.kubelet.Port())
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	err = errors.Join(
		server.LoadDefinitions(b.Context(), crds),
		server.Create(b.Context(), objects...),
		server.FillPods(b.Context(), syntheticPods()),
	)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Printf("%d nodes and %d pods written in %s\n", nodeCount, podCount, seconds(time.Since(began)))
	if c.kubeconfig, err = server.Kubeconfig(""); err != nil {
		b.Fatal(err)
	}
	return c
}

// run runs a program against the cluster, which must succeed.
func (c *cluster) run(b *testing.B, program string, args ...string) run {
	b.Helper()
	env := []string{"KUBECONFIG=" + c.kubeconfig, "DATASTORE_TYPE=kubernetes", "HOME=" + b.TempDir()}
	r, err := measure(env, program, args...)
	if err != nil {
		b.Fatal(err)
	}
	if r.Code != 0 {
		b.Fatalf("%s: exit code %d\n%s", filepath.Base(program), r.Code, r.Stderr)
	}
	fmt.Printf("%s of %s CPU: %s %s\n", seconds(r.Wall), seconds(r.CPU), filepath.Base(program), strings.Join(args, " "))
	return r
}

// measurePods returns the runs of "pods -A".
func (c *cluster) measurePods(b *testing.B) []run {
	programs := []struct {
		name    string
		command []string
	}{
		{"kubectl dualstack pods -A", []string{c.plugin, "pods", "-A"}},
		{"kubectl get pods -A -o wide", []string{filepath.Join(c.bin, "kubectl"), "get", "pods", "-A", "-o", "wide"}},
		{"calicoctl get wep -A -o wide",
			[]string{filepath.Join(c.bin, "calicoctl"), "--allow-version-mismatch", "get", "wep", "-A", "-o", "wide"}},
		{"kubectl dualstack pods -A -o wide", []string{c.plugin, "pods", "-A", "-o", "wide"}},
	}
	// The server takes note of pods that were written past it; whoever comes first would wait for that.
	c.run(b, c.plugin, "pods", "-A")
	runs := make([][]run, len(programs))
	for range rounds {
		for i, p := range programs {
			r := c.run(b, p.command[0], p.command[1:]...)
			if r.Lines < podCount {
				b.Fatalf("%s printed %d lines, want one for each of %d pods\n%s", p.name, r.Lines, podCount, r.Stderr)
			}
			runs[i] = append(runs[i], r)
		}
	}
	r := report{title: fmt.Sprintf("pods -A: %d pods in namespaces of 30 to 2,500, medians of %d runs", podCount, rounds)}
	for i, p := range programs {
		r.add(p.name, runs[i])
	}
	ours := wall(runs[0]).Seconds()
	r.goal("time, of kubectl's", ours/wall(runs[1]).Seconds(), 0.2, "")
	r.goal("time, of calicoctl's", ours/wall(runs[2]).Seconds(), 0.6, "")
	r.goal("memory", float64(memory(runs[0]))/mega, 120, " MB")
	r.goal("first row", median(runs[0], func(r run) time.Duration { return r.First }).Seconds(), 1, " s")
	r.print(b)
	return runs[0]
}

// measureFDB returns the runs of "fdb".
func (c *cluster) measureFDB(b *testing.B) []run {
	var runs []run
	most := 0
	for range rounds {
		c.kubelet.Execs()
		runs = append(runs, c.run(b, c.plugin, "fdb"))
		execs := c.kubelet.Execs()
		if len(execs) != nodeCount {
			b.Fatalf("%d nodes were read, want %d", len(execs), nodeCount)
		}
		for _, n := range execs {
			most = max(most, n)
		}
	}
	if want := 2*nodeCount*(nodeCount-1) + 1; runs[0].Lines != want {
		b.Fatalf("fdb printed %d lines, want %d", runs[0].Lines, want)
	}
	r := report{title: fmt.Sprintf("fdb: %d nodes that answer an exec after %v, medians of %d runs", nodeCount, execDelay, rounds)}
	r.add("kubectl dualstack fdb", runs)
	r.goal("execs for each node", float64(most), 1, "")
	r.print(b)
	return runs
}

// measureCheck measures all rules, which read what the two others read and more, beside both together.
func (c *cluster) measureCheck(b *testing.B, pods, fdb []run) {
	var runs []run
	for range rounds {
		runs = append(runs, c.run(b, c.plugin, "check"))
	}
	r := report{title: fmt.Sprintf("check: %d pods, %d nodes that answer an exec after %v, medians of %d runs", podCount, nodeCount, execDelay, rounds)}
	r.add("kubectl dualstack check", runs)
	r.goal("time, of pods -A and fdb", wall(runs).Seconds()/(wall(pods)+wall(fdb)).Seconds(), 1.3, "")
	r.goal("memory", float64(memory(runs))/mega, 250, " MB")
	r.print(b)
}

// fakeAccess answers for nodes after execDelay, without an API server between.
type fakeAccess struct {
	answer func(pod string) ([]byte, error)
	runs   atomic.Int64
}

// Name implements access.Way.
func (*fakeAccess) Name() string { return "exec" }

// Run implements access.Way.
func (a *fakeAccess) Run(_ context.Context, node, _ string, _ ...string) ([]byte, error) {
	a.runs.Add(1)
	time.Sleep(execDelay)
	return a.answer(apiserver.CalicoPodName(node))
}

// BenchmarkNodes measures reading and judging the forwarding entries of nodes by a fake way into them, without an API server
// that shares the CPUs: that is what the target of time is about.
func BenchmarkNodes(b *testing.B) {
	for b.Loop() {
		s := inspecttest.Synthetic(nodeCount)
		answer, err := apiserver.Answers(s)
		if err != nil {
			b.Fatal(err)
		}
		var names []string
		for _, n := range s.Nodes {
			names = append(names, n.Name)
		}
		way := &fakeAccess{answer: answer}
		began := time.Now()
		s.Tables, s.Missing = nodetables.Tables(b.Context(), []access.Way{way}, names, nodetables.Options{})
		read := time.Since(began)
		rows := len(fdb.Analyze(s, fdb.Options{}).Items)
		took := time.Since(began)
		if want := 2 * nodeCount * (nodeCount - 1); rows != want {
			b.Fatalf("%d rows, want %d", rows, want)
		}
		r := report{title: fmt.Sprintf("fdb with a fake access: %d nodes, %v each; reading takes %s of it", nodeCount, execDelay, seconds(read))}
		r.goal("time", took.Seconds(), 2, " s")
		r.goal("execs for each node", float64(way.runs.Load())/nodeCount, 1, "")
		r.print(b)
	}
}

// BenchmarkSessions measures reading and judging the BGP sessions of a mesh, by a fake way into the nodes.
func BenchmarkSessions(b *testing.B) {
	for b.Loop() {
		s := inspecttest.Synthetic(nodeCount)
		for i := range s.Pools {
			s.Pools[i].VXLANMode = inspect.EncapNever
		}
		s.Calico.Node.Env = map[string]string{}
		inspecttest.Meshed(s)
		tables, err := apiserver.Answers(s)
		if err != nil {
			b.Fatal(err)
		}
		birds := map[string]string{}
		received := 0
		for node, both := range s.BIRD {
			birds[apiserver.CalicoPodName(node)] = access.Frame("bird4", birdText(both.V4), 0, "") + access.Frame("bird6", birdText(both.V6), 0, "")
			received += len(birds[apiserver.CalicoPodName(node)])
		}
		way := &fakeAccess{answer: func(pod string) ([]byte, error) {
			text, err := tables(pod)
			return append(bytes.TrimSuffix(text, []byte(access.FrameEnd)), birds[pod]+access.FrameEnd...), err
		}}
		var names []string
		for _, n := range s.Nodes {
			names = append(names, n.Name)
		}
		s.BIRD, s.Tables = nil, nil
		debug.FreeOSMemory()
		before := heap()
		began := time.Now()
		read, missing := nodetables.Read(b.Context(), []access.Way{way}, names, nodetables.Extra{BIRD: true}, nodetables.Options{})
		s.BIRD, s.Tables, s.Missing = read.BIRD, read.Tables, missing
		reading := time.Since(began)
		rows := bgp.Analyze(s, felix.Filter{}).Items
		took := time.Since(began)
		grown := heap() - before
		if want := 2 * nodeCount * (nodeCount - 1); len(rows) != want {
			b.Fatalf("%d rows, want %d: %v", len(rows), want, missing)
		}
		for _, r := range rows {
			if r.Status != inspect.StatusOK {
				b.Fatalf("%s %s: %s", r.Node, r.Peer, r.Details())
			}
		}
		r := report{title: fmt.Sprintf("bgp with a fake access: %d nodes in a mesh, %d sessions, %v each, %.1f MB of BIRD; reading takes %s of it", nodeCount, len(rows), execDelay,
			float64(received)/1e6, seconds(reading))}
		r.goal("time", took.Seconds(), 4, " s")
		r.goal("memory", float64(grown)/1e6, 250, " MB")
		r.goal("execs for each node", float64(way.runs.Load())/nodeCount, 1, "")
		r.print(b)
	}
}

// heap is what is in use, garbage too.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// birdText is what a node prints of a BIRD.
func birdText(bird inspect.BIRD) string {
	var text strings.Builder
	text.WriteString("BIRD 1.6.8 ready.\nDaemon is up and running\nname     proto    table    state  since       info\n")
	for _, s := range bird.Sessions {
		name := strings.NewReplacer(".", "_", ":", "_").Replace(s.Peer.String())
		fmt.Fprintf(&text, "Mesh_%s BGP      master   up     %s    %s   \n  Routes:         %d imported, %d exported, %d preferred\n", name, s.Since, s.State, s.Imported, s.Exported, s.Imported)
		fmt.Fprintf(&text, "    Export updates:              8          2          5        ---          1\n  BGP state:          %s\n", s.State)
		fmt.Fprintf(&text, "    Neighbor address: %s\n    Neighbor AS:      %d\n    Hold timer:       %d/%d\n", s.Peer, s.ASN, s.HoldLeft, s.HoldTime)
	}
	return text.String()
}

// BenchmarkSnapshot measures what the forwarding entries of a thousand nodes take: their analysis alone, and the whole
// program that reads them from a file and prints them.
func BenchmarkSnapshot(b *testing.B) {
	const nodes = 1000
	for b.Loop() {
		file := filepath.Join(b.TempDir(), "snapshot")
		rows, analysis := writeAndAnalyze(b, file, nodes)
		if want := 2 * nodes * (nodes - 1); rows != want {
			b.Fatalf("%d rows, want %d", rows, want)
		}
		debug.FreeOSMemory() // the snapshot is gone; what runs next may need its room
		plugin := buildPlugin(b)
		var runs []run
		for range rounds {
			r, err := measure(nil, plugin, "fdb", "--snapshot", file)
			if err != nil {
				b.Fatal(err)
			}
			if r.Code != 0 || r.Lines != rows+1 {
				b.Fatalf("exit code %d, %d lines\n%s", r.Code, r.Lines, r.Stderr)
			}
			runs = append(runs, r)
		}
		r := report{title: fmt.Sprintf("a snapshot of %d nodes: %d forwarding entries, medians of %d runs", nodes, rows, rounds)}
		r.add("kubectl dualstack fdb --snapshot FILE", runs)
		r.goal("analysis alone", analysis.Seconds(), 5, " s")
		r.goal("memory of the whole", float64(memory(runs))/gibi, 2, " GiB")
		r.print(b)
	}
}

// writeAndAnalyze writes a snapshot of so many nodes to a file, and returns how many forwarding entries were judged and how
// long that took.
func writeAndAnalyze(b *testing.B, file string, nodes int) (int, time.Duration) {
	b.Helper()
	s := inspecttest.Synthetic(nodes)
	if err := write(file, s); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	rows := len(fdb.Analyze(s, fdb.Options{}).Items)
	return rows, time.Since(began)
}

func write(path string, s *inspect.Snapshot) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(snapfile.Write(f, s), f.Close())
}

// buildPlugin builds the program as "make build" does.
func buildPlugin(b *testing.B) string {
	b.Helper()
	plugin := filepath.Join(b.TempDir(), "kubectl-dualstack")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", plugin, "../../cmd/kubectl-dualstack")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build the program: %v\n%s", err, out)
	}
	return plugin
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}
