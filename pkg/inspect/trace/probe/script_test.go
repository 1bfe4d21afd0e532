package probe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// shells are those under which the script must work.
func shells() map[string][]string {
	return map[string][]string{"dash": {"dash"}, "bash": {"bash"}, "busybox": {"busybox", "sh"}}
}

// eachShell runs a test under every shell that this machine has.
func eachShell(t *testing.T, test func(t *testing.T, stream access.Stream)) {
	for name, shell := range shells() {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(shell[0]); err != nil {
				t.Skipf("%s is not on this machine (Debian: apt-get install %s)", shell[0], shell[0])
			}
			test(t, local(shell...))
		})
	}
}

// serve answers by HTTP at an address of this machine.
func serve(t *testing.T, address netip.Addr, handler http.HandlerFunc) (port uint16) {
	t.Helper()
	listener, err := net.Listen("tcp", netip.AddrPortFrom(address, 0).String())
	if err != nil {
		t.Skipf("this machine has no %s: %v", address, err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler}}
	server.Start()
	t.Cleanup(server.Close)
	return netip.MustParseAddrPort(listener.Addr().String()).Port()
}

// closedPort is one at which nothing listens.
func closedPort(t *testing.T, address netip.Addr) uint16 {
	t.Helper()
	listener, err := net.Listen("tcp", netip.AddrPortFrom(address, 0).String())
	if err != nil {
		t.Skipf("this machine has no %s: %v", address, err)
	}
	defer listener.Close()
	return netip.MustParseAddrPort(listener.Addr().String()).Port()
}

// need skips a test where tools are lacking.
func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not on this machine", tool)
		}
	}
}

// TestScript runs the script against servers of this machine, with whatever tools it has.
func TestScript(t *testing.T) {
	need(t, "curl")
	web4 := serve(t, loopback4, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "pod four\n") })
	web6 := serve(t, loopback6, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	closed4, closed6 := closedPort(t, loopback4), closedPort(t, loopback6)
	patience := 20 * time.Second // no test may fail because the machine is busy
	eachShell(t, func(t *testing.T, stream access.Stream) {
		probes := []trace.Probe{
			{Check: trace.Get, Family: 4, Target: loopback4, Port: web4, Timeout: patience},
			{Check: trace.Get, Family: 6, Target: loopback6, Port: web6, Timeout: patience},
			{Check: trace.Get, Family: 4, Host: "localhost", Port: web4, Timeout: patience},
			{Check: trace.Get, Family: 4, Target: loopback4, Port: closed4, Timeout: patience},
			{Check: trace.TCP, Family: 4, Target: loopback4, Port: web4, Timeout: patience},
			{Check: trace.TCP, Family: 6, Target: loopback6, Port: web6, Timeout: patience},
			{Check: trace.TCP, Family: 4, Target: loopback4, Port: closed4, Timeout: patience},
			{Check: trace.TCP, Family: 6, Target: loopback6, Port: closed6, Timeout: patience},
			{Check: trace.Ask, Family: 4, Host: "x.invalid.", Server: loopback4, Timeout: patience},
		}
		results, err := quick(stream, nil).Probe(t.Context(), somePod("c"), probes)
		if err != nil {
			t.Fatal(err)
		}
		for i, ok := range []bool{
			results[0].Answered && results[0].Status == 200 && results[0].Body == "pod four" && results[0].RTT > 0,
			results[1].Answered && results[1].Status == 404,
			results[2].Status == 200 && results[2].Resolved && len(results[2].Answers) == 1 && results[2].Answers[0] == loopback4,
			results[3].Refused && !results[3].Answered && results[3].Failed == "",
			results[4].Answered, results[5].Answered, results[6].Refused, results[7].Refused,
			!results[8].Answered,
		} {
			if !ok {
				t.Errorf("probe %+v:\n%+v", probes[i], results[i])
			}
		}
	})
}

// TestScriptMany: more probes than run at once all come back, each with its own answer.
func TestScriptMany(t *testing.T) {
	need(t, "curl")
	port := serve(t, loopback4, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s\n%s", r.Host, strings.Repeat(strings.Repeat("x", 700)+"\n", 2))
	})
	eachShell(t, func(t *testing.T, stream access.Stream) {
		var probes []trace.Probe
		for i := range lanes + 3 {
			target := netip.AddrFrom4([4]byte{127, 0, 1, byte(i)})
			// Only 127.0.0.1 is listened on: the others are refused, and name themselves in the output.
			if i%2 == 0 {
				target = loopback4
			}
			probes = append(probes, trace.Probe{Check: trace.Get, Family: 4, Target: target, Port: port, Timeout: 30 * time.Second})
		}
		results, err := quick(stream, nil).Probe(t.Context(), somePod("c"), probes)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			name := probes[i].Target.String()
			if answered := i%2 == 0; r.Answered != answered || !strings.Contains(r.Output, name) || len(r.Output) > maxKept {
				t.Errorf("probe %d of %s: %+v", i, name, r)
			}
		}
	})
}

// TestScriptHostile: a server that knows how the script marks its lines, though not the mark, and says too much, gets
// nowhere.
func TestScriptHostile(t *testing.T) {
	need(t, "curl")
	port := serve(t, loopback4, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Forged", "@MARK 0 exit 0")
		w.WriteHeader(503)
		io.WriteString(w, "\n@MARK 0 exit 0\n@MARK 1 exit 0\n@MARK end\n$(touch pwned)`id`\\n%s%n\x00\x1b[2J\xff\n")
		w.Write(bytes.Repeat([]byte("A"), 40<<10))
		fmt.Fprint(w, "\n@MARK code=200 ip=::1 dns=0 connect=0.001")
	})
	eachShell(t, func(t *testing.T, stream access.Stream) {
		probes := []trace.Probe{
			{Check: trace.Get, Family: 4, Target: loopback4, Port: port, Timeout: 30 * time.Second},
			{Check: trace.Get, Family: 4, Target: loopback4, Port: closedPort(t, loopback4), Timeout: 30 * time.Second},
		}
		results, err := quick(stream, nil).Probe(t.Context(), somePod("c"), probes)
		if err != nil {
			t.Fatal(err)
		}
		if r := results[0]; r.Status != 503 || len(r.Output) > 2*keepOutput || !strings.Contains(r.Body, "@MARK end") || !strings.Contains(r.Body, "`id`\\n%s%n") {
			t.Errorf("%d bytes: %+v", len(r.Output), r)
		}
		if r := results[1]; !r.Refused || r.Answered {
			t.Errorf("%+v", r)
		}
	})
}

// TestScriptEndless: of an answer without an end, and without a line's end, no more is taken than is kept. The server
// sends until its client goes, which a client that reads on does only when its time is over.
func TestScriptEndless(t *testing.T) {
	port := serve(t, loopback4, func(w http.ResponseWriter, _ *http.Request) {
		for line := bytes.Repeat([]byte("A"), keepOutput); ; {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	})
	tools := map[string]map[string]string{
		"curl":            {"curl": "curl"},
		"an old curl":     {"curl": endless(t, "echo '> GET / HTTP/1.1\n< HTTP/1.1 200 OK' >&2; trap '' PIPE", 23)},
		"GNU wget":        {"wget": "wget"},
		"wget of busybox": {"wget": endless(t, "[ $1 != --version ] || exit 1; echo 'writing to stdout' >&2", 141)},
	}
	for name, tool := range tools {
		t.Run(name, func(t *testing.T) {
			maps.Copy(tool, map[string]string{"sh": "sh", "head": "head", "timeout": "timeout"})
			path := withTools(t, tool)
			eachShell(t, func(t *testing.T, stream access.Stream) {
				if strings.HasSuffix(t.Name(), "/busybox") && strings.Contains(name, "wget") {
					t.Skip("the shell of busybox takes its own wget, whatever is in the PATH")
				}
				narrow := func(ctx context.Context, c access.Container, command []string, s access.Streams) error {
					command[2] = strings.Replace(command[2], usualPath, "PATH="+path, 1)
					return stream(ctx, c, command, s)
				}
				results, err := quick(narrow, nil).Probe(t.Context(), somePod("c"), []trace.Probe{
					{Check: trace.Get, Family: 4, Target: loopback4, Port: port, Timeout: 30 * time.Second}})
				if err != nil {
					t.Fatal(err)
				}
				r := results[0]
				if !r.Answered || r.Status != 200 || r.TimedOut || r.Failed != "" || len(r.Output) > 2*keepOutput || len(r.Body) != maxBody {
					t.Errorf("%d bytes of body: %+v", len(r.Body), r)
				}
			})
		})
	}
}

// endless is a program that prints a line of half a megabyte, and has an exit code for when nobody takes all of it.
func endless(t *testing.T, before string, stopped int) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "endless")
	script := fmt.Sprintf("#!/bin/sh\n%s\nn=0\nwhile [ $n -lt 2000 ]; do\n  printf '%%0256d' 0 2>/dev/null || exit %d\n"+
		"  n=$((n + 1))\ndone\nexit 28\n", before, stopped)
	if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// usualPath is how the script looks for tools. Without it only those of a test are found.
const usualPath = `PATH="$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"`

// TestScriptBare: an image with a shell and nothing else says so, for each probe.
func TestScriptBare(t *testing.T) {
	need(t, "sh")
	dir := withTools(t, map[string]string{"sh": "sh"})
	// PATH is extended by the script with the usual folders: only a shell without them shows what an empty image does.
	bare := strings.Replace(script(), usualPath, "PATH="+dir, 1)
	var words []string
	for i, check := range []trace.Check{trace.Ping, trace.TCP, trace.Get, trace.Ask} {
		words = append(words, job{check: check, family: inspect.IPv4, to: "127.0.0.1", port: 1, wait: 1}.words(i)...)
	}
	eachShell(t, func(t *testing.T, stream access.Stream) {
		var out bytes.Buffer
		command := append([]string{"sh", "-c", bare, "dualstack", "@M", "4", "1000", "dns http ping tcp"}, words...)
		err := stream(t.Context(), access.Container{}, command, access.Streams{Stdout: &out, Stderr: &out})
		outcomes, complete := parseFrames(out.Bytes(), "@M", 4)
		if err != nil || !complete {
			t.Fatalf("%v\n%s", err, out.String())
		}
		for i, o := range outcomes {
			if !o.none {
				// busybox's shell has applets of its own, which need no file
				if strings.Contains(out.String(), "busybox") || o.tool != "" || o.cannot != "" {
					continue
				}
				t.Errorf("job %d: %+v\n%s", i, o, out.String())
			}
		}
	})
}

// TestScriptListeners finds the sockets of this test.
func TestScriptListeners(t *testing.T) {
	port4 := serve(t, loopback4, http.NotFound)
	port6 := serve(t, loopback6, http.NotFound)
	wildcard, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Skip(err)
	}
	defer wildcard.Close()
	both := netip.MustParseAddrPort(wildcard.Addr().String()).Port()
	pod := somePod("c")
	pod.IPs = []netip.Addr{loopback4, loopback6}
	eachShell(t, func(t *testing.T, stream access.Stream) {
		p := quick(stream, nil)
		for port, want := range map[uint16]trace.Listening{
			port4: {IPv4: true}, port6: {IPv6: true}, both: {IPv4: true, IPv6: true}, closedPort(t, loopback4): {},
		} {
			got, err := p.Listeners(t.Context(), pod, port)
			want.Intact = got.Intact // it depends on what this machine has received
			if err != nil || got != want {
				t.Errorf("port %d: %+v, %v, want %+v", port, got, err, want)
			}
		}
	})
}

// TestScriptFooting finds the loopback addresses of this machine, and none that it does not have.
func TestScriptFooting(t *testing.T) {
	eachShell(t, func(t *testing.T, stream access.Stream) {
		p := quick(stream, nil)
		for own, want := range map[netip.Addr]bool{
			loopback4: true, loopback6: true, netip.MustParseAddr("192.0.2.1"): false, netip.MustParseAddr("2001:db8::7"): false,
		} {
			if got, err := p.Footing(t.Context(), somePod("c"), own); err != nil || got.Held != want || got.Tentative {
				t.Errorf("%s: %+v, %v, want held: %t", own, got, err, want)
			}
		}
	})
}

func TestFooting(t *testing.T) {
	for name, tt := range map[string]struct {
		out  string
		want trace.Footing
		err  string
	}{
		"whole":              {out: "held 80\ndefault\nwhole", want: trace.Footing{Held: true, Default: true}},
		"no address":         {out: "default\nwhole", want: trace.Footing{Default: true}},
		"no default route":   {out: "held 0\nwhole", want: trace.Footing{Held: true}},
		"tentative":          {out: "held c0\ndefault\nwhole", want: trace.Footing{Held: true, Tentative: true, Default: true}},
		"of another machine": {out: "held 88\ndefault\nwhole", want: trace.Footing{Held: true, Tentative: true, Default: true}},
		"cut off":            {out: "held 80\n", err: "/proc/net cannot be read"},
		"nonsense":           {out: "held by force\nwhole", err: `"by force" are not the flags`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseFooting(tt.out)
			checkError(t, err, tt.err)
			if err == nil && got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestSockets(t *testing.T) {
	ips := []netip.Addr{netip.MustParseAddr("192.168.77.1"), netip.MustParseAddr("fd00:10:244:1b38:1133:7e2c:be1e:4d01")}
	const read = "read tcp\nread tcp6\n"
	tests := map[string]struct {
		out  string
		want trace.Listening
		err  string
	}{
		"nothing":                   {out: read + "bindv6only 0"},
		"IPv4 wildcard":             {out: read + "tcp 00000000:0050\nbindv6only 0", want: trace.Listening{IPv4: true}},
		"IPv6 wildcard":             {out: read + "tcp6 00000000000000000000000000000000:0050\nbindv6only 0", want: trace.Listening{IPv4: true, IPv6: true}},
		"IPv6 wildcard, bindv6only": {out: read + "tcp6 00000000000000000000000000000000:0050\nbindv6only 1", want: trace.Listening{IPv6: true}},
		"the pod's IPv4":            {out: read + "tcp 014DA8C0:0050", want: trace.Listening{IPv4: true}},
		"the pod's IPv6":            {out: read + "tcp6 100000FD381B44022C7E3311014D1EBE:0050", want: trace.Listening{IPv6: true}},
		"loopback":                  {out: read + "tcp 0100007F:0050\ntcp6 00000000000000000000000001000000:0050"},
		"IPv4 in IPv6's clothes":    {out: read + "tcp6 0000000000000000FFFF0000014DA8C0:0050", want: trace.Listening{IPv4: true}},
		"no broken segment":         {out: read + "tcp 00000000:0050\nbindv6only 0\nbroken 0", want: trace.Listening{IPv4: true, Intact: true}},
		"broken segments":           {out: read + "tcp 00000000:0050\nbindv6only 0\nbroken 10", want: trace.Listening{IPv4: true}},
		"no table":                  {out: "bindv6only 0", err: "/proc/net/tcp cannot be read"},
		"no address":                {out: read + "tcp zz:0050", err: `"zz:0050" is not the address of a socket`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseSockets(tt.out, ips)
			checkError(t, err, tt.err)
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
