package probe

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

var (
	loopback4 = netip.MustParseAddr("127.0.0.1")
	loopback6 = netip.MustParseAddr("::1")
)

// TestRetries: what proves nothing is tried again, three times at most, and only what is lacking.
func TestRetries(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "pod", fmt.Errorf("no"))
	tests := map[string]struct {
		attempts []func(command []string, s access.Streams) error // the last stands for all further ones
		want     []int                                            // the jobs of each attempt
		failed   []string
		err      string
	}{
		"all at once": {
			attempts: []func([]string, access.Streams) error{all}, want: []int{3},
		},
		"no output": {
			attempts: []func([]string, access.Streams) error{nothing, all}, want: []int{3, 3},
		},
		"never any output": {
			attempts: []func([]string, access.Streams) error{nothing}, want: []int{3, 3, 3}, err: "output cut off after 0 bytes: inconclusive",
		},
		"a broken stream": {
			attempts: []func([]string, access.Streams) error{broken, broken, all}, want: []int{3, 3, 3},
		},
		"output cut off": {
			attempts: []func([]string, access.Streams) error{two, all}, want: []int{3, 1},
		},
		"output that stays cut off": {
			attempts: []func([]string, access.Streams) error{two, nothing}, want: []int{3, 1, 1},
			failed: []string{"", "", "the exec broke off before the probe had ended"},
		},
		"a stream that breaks when all is said": {
			attempts: []func([]string, access.Streams) error{allThenBroken}, want: []int{3},
		},
		"success without a word": {
			attempts: []func([]string, access.Streams) error{silent}, want: []int{3, 3, 3}, err: "a probe printed nothing",
		},
		"exit codes that are none": {
			attempts: []func([]string, access.Streams) error{lostCodes}, want: []int{3, 3, 3}, err: "a probe printed nothing",
		},
		"no permission": {
			attempts: []func([]string, access.Streams) error{func([]string, access.Streams) error { return forbidden }},
			want:     []int{3}, err: "cannot create pods/exec in namespace ns: permission denied",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var jobs []int
			pods := &fakePods{answer: func(n int, _ access.Container, command []string, s access.Streams) error {
				jobs = append(jobs, jobsOf(command))
				return tt.attempts[min(n, len(tt.attempts))-1](command, s)
			}}
			results, err := quick(pods.stream, nil).Probe(t.Context(), somePod("c"), connections(3))
			checkError(t, err, tt.err)
			if !slices.Equal(jobs, tt.want) {
				t.Errorf("attempts with %v jobs, want %v", jobs, tt.want)
			}
			for i, r := range results {
				want := ""
				if tt.failed != nil {
					want = tt.failed[i]
				}
				if r.Failed != want || r.Answered != (want == "") {
					t.Errorf("result %d: %+v, want failed %q", i, r, want)
				}
			}
		})
	}
}

func all(command []string, s access.Streams) error {
	// A retry carries the numbers of the first attempt.
	mark := markOf(command)
	for i := range jobsOf(command) {
		n := command[8+10*i]
		printSealed(s, "%s %s tool bash\n%s %s o connected\n%s %s exit 0\n", mark, n, mark, n, mark, n)
	}
	fmt.Fprintf(s.Stdout, "%s end\n", mark)
	return nil
}

func nothing([]string, access.Streams) error { return nil }

func broken(command []string, s access.Streams) error {
	fmt.Fprintf(s.Stdout, "%s 0 tool bash\n%s 0 o connected\n%s 0 ex", markOf(command), markOf(command), markOf(command))
	return errBroken
}

func two(command []string, s access.Streams) error {
	answers(command, s, 2)
	return nil
}

func allThenBroken(command []string, s access.Streams) error {
	_ = all(command, s)
	return errBroken
}

func silent(command []string, s access.Streams) error {
	for i := range jobsOf(command) {
		printSealed(s, "%s %d tool bash\n%s %d exit 0\n", markOf(command), i, markOf(command), i)
	}
	fmt.Fprintf(s.Stdout, "%s end\n", markOf(command))
	return nil
}

func lostCodes(command []string, s access.Streams) error {
	for i := range jobsOf(command) {
		printSealed(s, "%s %d o connected\n%s %d exit \n", markOf(command), i, markOf(command), i)
	}
	fmt.Fprintf(s.Stdout, "%s end\n", markOf(command))
	return nil
}

// TestForgery: a tool's output cannot pass for anything else, not even when it repeats a mark of an earlier exec.
func TestForgery(t *testing.T) {
	const mark = "@MARK"
	out := strings.TrimSuffix(sealed(strings.Join([]string{
		"@OTHER 0 exit 0", "0 exit 0", "@MARK", "@MARK x exit 0", "@MARK 9 exit 0", "@MARK -1 exit 0", "@MARK 0", "",
		"@MARK 0 tool curl", "@MARK 0 o @OTHER 0 exit 0", "@MARK 0 o @MARK", "@MARK 0 O first half, ", "@MARK 0 o second half",
		"@MARK 0 e * said", "@MARK 0 o @MARK code=200 ip=::1", "@MARK 0 exit 7", "@MARK 0 exit 0", "@MARK 0 o late", "@MARK end",
	}, "\n")), "\n")
	outcomes, complete := parseFrames([]byte(out), mark, 1)
	if complete {
		t.Error("complete, though the end line was cut off")
	}
	want := outcome{
		tool: "curl", out: "@OTHER 0 exit 0\n@MARK\nfirst half, second half\n", err: "* said\n",
		both: "@OTHER 0 exit 0\n@MARK\nfirst half, second half\n* said\n", report: "code=200 ip=::1", code: 7, ended: true,
	}
	if outcomes[0] != want {
		t.Errorf("got  %+v\nwant %+v", outcomes[0], want)
	}
	if _, complete = parseFrames([]byte(out+"\n"), mark, 1); !complete {
		t.Error("not complete")
	}
}

// TestProbeFramesFindHoles loses a piece in the middle of what the script prints, or brings two in the wrong order: a job
// then has no outcome, or that of the whole output.
func TestProbeFramesFindHoles(t *testing.T) {
	var probed strings.Builder
	for i := range 2 {
		fmt.Fprintf(&probed, "@M %[1]d tool iputils ping\n@M %[1]d run ping\n", i)
		for n := range 30 {
			fmt.Fprintf(&probed, "@M %d o 64 bytes from 192.168.0.%d: icmp_seq=%d ttl=62 time=0.1 ms\n", i, i, n)
		}
		fmt.Fprintf(&probed, "@M %[1]d o 30 packets transmitted, 30 received, 0%% packet loss\n@M %[1]d exit 0\n", i)
	}
	whole := sealed(probed.String() + "@M end\n")
	twice := strings.NewReplacer("@M 0 seal", "@M 0 again \n"+strings.Join(jobLines(whole, 0), "\n")+"\n@M 0 seal\n#").Replace(whole)
	for _, text := range []string{whole, twice} {
		want, complete := parseFrames([]byte(text), "@M", 2)
		if !complete || !want[0].ended || !want[1].ended {
			t.Fatalf("%v %+v", complete, want)
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range 10000 {
			cuts := []int{random.IntN(len(text)), random.IntN(len(text)), random.IntN(len(text))}
			slices.Sort(cuts)
			a, b, c := cuts[0], cuts[1], cuts[2]
			for how, out := range map[string]string{
				"lost": text[:a] + text[b:], "swapped": text[:a] + text[b:c] + text[a:b] + text[c:],
			} {
				outcomes, _ := parseFrames([]byte(out), "@M", 2)
				for i, o := range outcomes {
					if o != (outcome{}) && o != want[i] {
						t.Fatalf("%s [%d:%d:%d]: job %d has outcome %+v", how, a, b, c, i, o)
					}
				}
			}
		}
	}
}

// jobLines are the lines of a job but its seal.
func jobLines(text string, job int) []string {
	var all []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, fmt.Sprintf("@M %d ", job)) && !strings.Contains(line, " seal ") {
			all = append(all, strings.TrimSuffix(line, "\n"))
		}
	}
	return all
}

// FuzzFrames: whatever comes, nothing is settled that has no exit line of its own, and what is kept stays bounded.
func FuzzFrames(f *testing.F) {
	f.Add([]byte(sealed("@M 0 tool ping\n@M 0 o text\n@M 0 exit 0\n@M end\n")))
	f.Add([]byte(sealed("@M 1 O \xff\xfe\n@M 1 cut \n@M 1 exit 999999999999999999999\n@M 0 none \n")))
	f.Fuzz(func(t *testing.T, out []byte) {
		outcomes, _ := parseFrames(out, "@M", 2)
		for i, o := range outcomes {
			if o.ended && !strings.Contains(string(out), fmt.Sprintf("@M 0%d exit ", i)) &&
				!strings.Contains(string(out), fmt.Sprintf("%d exit ", i)) {
				t.Errorf("job %d has ended without an exit line", i)
			}
			if len(o.both) > 3*maxKept {
				t.Errorf("%d bytes kept", len(o.both))
			}
			for _, check := range []trace.Check{trace.Ping, trace.TCP, trace.Get, trace.Ask} {
				r := result(trace.Probe{Check: check, Family: inspect.IPv6, Host: "x"}, &o)
				if r.Failed != "" && check != trace.TCP && check != trace.Get && r.Answered {
					t.Errorf("%s has failed and is answered: %+v", check, r)
				}
				if !o.ended && r.Failed == "" {
					t.Errorf("%s without an exit code proves something: %+v", check, r)
				}
			}
		}
	})
}

// TestContainers: the first container with the tools is used, and known afterwards.
func TestContainers(t *testing.T) {
	pods := &fakePods{answer: func(_ int, c access.Container, command []string, s access.Streams) error {
		switch c.Name {
		case "static":
			return errNoShell()
		case "bare":
			for i := range jobsOf(command) {
				printSealed(s, "%s %d none \n", markOf(command), i)
			}
			return nil
		default:
			return all(command, s)
		}
	}}
	p := quick(pods.stream, nil)
	for range 2 {
		results, err := p.Probe(t.Context(), somePod("static", "bare", "tools"), connections(2))
		if err != nil || !results[0].Answered || !results[1].Answered {
			t.Errorf("%+v, %v", results, err)
		}
	}
	if want := []string{"static", "bare", "tools", "tools"}; !slices.Equal(pods.entered, want) {
		t.Errorf("entered %v, want %v", pods.entered, want)
	}
}

// TestSomeTools: what only one tool is lacking for fails by itself, and no ephemeral container is added for it.
func TestSomeTools(t *testing.T) {
	pods := &fakePods{answer: func(_ int, _ access.Container, command []string, s access.Streams) error {
		mark := markOf(command)
		printSealed(s, "%s 0 tool bash\n%s 0 o connected\n%s 0 exit 0\n%s 1 none \n%s end\n", mark, mark, mark, mark, mark)
		return nil
	}}
	probes := append(connections(1), trace.Probe{Check: trace.Ping, Family: inspect.IPv4, Target: loopback4})
	results, err := quick(pods.stream, nil).Probe(t.Context(), somePod("c"), probes)
	if err != nil || !results[0].Answered || results[1].Failed != "the pod has no ping" {
		t.Errorf("%+v, %v", results, err)
	}
}

// TestBadProbes: what is not a valid probe never reaches a pod.
func TestBadProbes(t *testing.T) {
	v4, v6 := inspect.IPv4, inspect.IPv6
	tests := map[string]struct {
		probe trace.Probe
		want  string
	}{
		"no family":          {trace.Probe{Check: trace.Ping, Target: loopback4}, "needs a family"},
		"no target":          {trace.Probe{Check: trace.Ping, Family: v4}, "needs an address or a name"},
		"the other family":   {trace.Probe{Check: trace.Ping, Family: v6, Target: loopback4}, "127.0.0.1 is not an address of IPv6"},
		"a zone":             {trace.Probe{Check: trace.Ping, Family: v6, Target: netip.MustParseAddr("fe80::1%-eth0")}, "needs an address"},
		"an option":          {trace.Probe{Check: trace.Ask, Family: v4, Host: "-fetc.passwd"}, `"-fetc.passwd" is not a DNS name`},
		"a command":          {trace.Probe{Check: trace.Ask, Family: v4, Host: "x;reboot"}, "is not a DNS name"},
		"a line break":       {trace.Probe{Check: trace.Ask, Family: v4, Host: "x\ny"}, "is not a DNS name"},
		"a server's zone":    {trace.Probe{Check: trace.Ask, Family: v4, Host: "x", Server: netip.MustParseAddr("fe80::1%x")}, "has a zone"},
		"no name to ask for": {trace.Probe{Check: trace.Ask, Family: v4, Target: loopback4}, "needs an address or a name"},
		"no port":            {trace.Probe{Check: trace.TCP, Family: v4, Target: loopback4}, "needs a port"},
		"no path":            {trace.Probe{Check: trace.Get, Family: v4, Target: loopback4, Port: 80, Path: "a"}, "is not the path of a URL"},
		"two lines":          {trace.Probe{Check: trace.Get, Family: v4, Target: loopback4, Port: 80, Path: "/a\nb"}, "is not the path of a URL"},
		"no such check":      {trace.Probe{Check: "smoke", Family: v4, Target: loopback4}, `no probe by "smoke"`},
	}
	pods := &fakePods{answer: func(int, access.Container, []string, access.Streams) error { return errBroken }}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			results, err := quick(pods.stream, nil).Probe(t.Context(), somePod("c"), []trace.Probe{tt.probe})
			if err != nil || !strings.Contains(results[0].Failed, tt.want) {
				t.Errorf("%+v, %v, want %q", results, err, tt.want)
			}
		})
	}
	if pods.entered != nil {
		t.Errorf("entered %v", pods.entered)
	}
}

func TestWords(t *testing.T) {
	tests := map[string]struct {
		probe trace.Probe
		want  string
	}{
		"ping":        {trace.Probe{Check: trace.Ping, Family: 6, Target: loopback6, Count: 3, Size: 1500, Timeout: 2e9}, "7|ping|6|0|::1|0|3|1452|2|"},
		"ping, IPv4":  {trace.Probe{Check: trace.Ping, Family: 4, Target: loopback4, Size: 1500}, "7|ping|4|0|127.0.0.1|0|1|1472|2|"},
		"http":        {trace.Probe{Check: trace.Get, Family: 4, Host: "web.ns", Port: 80, Timeout: 1}, "7|http|4|1|web.ns|80|1|0|1|"},
		"a page":      {trace.Probe{Check: trace.Get, Family: 4, Host: "web.ns", Port: 80, Path: "/a?b=c", Timeout: 1}, "7|http|4|1|web.ns|80|1|0|1|/a?b=c"},
		"a full name": {trace.Probe{Check: trace.Ask, Family: 4, Host: "a.b.svc.c.d", Timeout: 3e9}, "7|dns|4|1|a.b.svc.c.d.|0|1|0|2|"},
		"a short one": {trace.Probe{Check: trace.Ask, Family: 4, Host: "web", Timeout: 3e9}, "7|dns|4|1|web|0|1|0|2|search"},
		"a server":    {trace.Probe{Check: trace.Ask, Family: 4, Host: "web", Server: loopback6}, "7|dns|4|1|web.|0|1|0|1|::1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			j, err := newJob(tt.probe)
			if got := strings.Join(j.words(7), "|"); err != nil || got != tt.want {
				t.Errorf("%s, %v, want %s", got, err, tt.want)
			}
		})
	}
}
