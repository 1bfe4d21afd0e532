package container

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
)

const inspected = `[{"Id":"abc","Name":"/node","State":{"Running":true,"Status":"running","Pid":42,"StartedAt":"2026-01-02T03:04:05.6Z"},
"Config":{"Image":"kindest/node:1","Labels":{"a":"b","nerdctl/networks":"[\"kind\"]"}},"Mounts":[{"Destination":"/var"}],
"NetworkSettings":{"Networks":{"KIND":{"IPAddress":"172.18.0.2","GlobalIPv6Address":"fc00::2"},"none":{"IPAddress":"","GlobalIPv6Address":""}}}}]`

// all returns every runtime with a runner that answers for it. Each behaviour is tested on all of them.
func all() map[string]func() (*run.Fake, Runtime) {
	return map[string]func() (*run.Fake, Runtime){
		"docker": func() (*run.Fake, Runtime) { f := &run.Fake{}; return f, NewDocker(f) },
		"podman": func() (*run.Fake, Runtime) {
			f := &run.Fake{}
			f.Answer("podman volume ls", "", nil)
			return f, NewPodman(f)
		},
		"nerdctl": func() (*run.Fake, Runtime) { f := &run.Fake{}; return f, NewNerdctl(f, "nerdctl") },
	}
}

func forAll(t *testing.T, test func(t *testing.T, name string, f *run.Fake, rt Runtime)) {
	t.Helper()
	for name, open := range all() {
		t.Run(name, func(t *testing.T) {
			f, rt := open()
			test(t, name, f, rt)
		})
	}
}

func TestInspect(t *testing.T) {
	forAll(t, func(t *testing.T, name string, f *run.Fake, rt Runtime) {
		network := map[string]string{"nerdctl": "unknown-eth0"}[name]
		if network == "" {
			network = "kind"
		}
		f.Answer(name+" container inspect", strings.Replace(inspected, "KIND", network, 1), nil)
		f.Answer(name+" ps -a -q --no-trunc --filter label=a --filter label=b", "abc\n", nil)
		for _, look := range []func() ([]Container, error){
			func() ([]Container, error) { return rt.Inspect(t.Context(), "node") },
			func() ([]Container, error) { return rt.List(t.Context(), "label=a", "label=b") },
		} {
			got, err := look()
			if err != nil || len(got) != 1 {
				t.Fatalf("%v, %v", got, err)
			}
			c := got[0]
			if c.Name != "node" || c.Image != "kindest/node:1" || c.Labels["a"] != "b" || !c.State.Running || c.State.Pid != 42 ||
				c.State.StartedAt.Year() != 2026 || len(c.Mounts) != 1 || c.Mounts[0] != "/var" {
				t.Errorf("%+v", c)
			}
			if a := c.Addresses["kind"]; a.IPv4 != netip.MustParseAddr("172.18.0.2") || a.IPv6 != netip.MustParseAddr("fc00::2") {
				t.Errorf("addresses %+v", c.Addresses)
			}
			if a := c.Addresses["none"]; a.IPv4.IsValid() || a.IPv6.IsValid() {
				t.Errorf("a stopped container has addresses: %+v", a)
			}
		}
	})
}

// complaints are what each runtime says of the same thing: from real ones, but for nerdctl, whose words are its source's.
func complaints() map[string]map[error][]string {
	return map[string]map[error][]string{
		"docker": {
			ErrNotFound: {"Error: No such container: a", "Error response from daemon: No such container: a", "Error: No such image: a",
				"Error response from daemon: no such image: a: No such image: a:latest", "Error: No such network: kind",
				"Error response from daemon: network kind not found", "Error response from daemon: removal of container a is already in progress",
				"Error: No such container: a\nError: No such container: b", "Error response from daemon: network kind not found\nexit status 1"},
			ErrInUse: {`docker: Error response from daemon: Conflict. The container name "/a" is already in use by container "12". You have to remove (or rename) that container to be able to reuse that name.` +
				"\nSee 'docker run --help'.", "docker: Error response from daemon: Conflict. The container name \"/a\" is already in use by container \"12\".\n\nRun 'docker run --help' for more information", "Error response from daemon: error while removing network: network kind id 12 has active endpoints"},
			ErrUnavailable: {"Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
				"error during connect: Get \"http://x:2375/v1.24/version\": dial tcp: lookup x: no such host"},
			ErrPermission:  {"permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: connect: permission denied"},
			fs.ErrNotExist: {"Error: No such container:path: a:/f\nCould not find the file /f in container a", "Error response from daemon: Could not find the file /f in container a"},
			nil: {"Error response from daemon: driver failed", "Error: No such container: a\nError response from daemon: driver failed",
				"OCI runtime exec failed: exec failed: unable to start container process: exec: \"ip\": executable file not found in $PATH: unknown", ""},
		},
		"podman": {
			ErrNotFound: {"Error: inspecting object: no such container a", "Error: inspecting object: a: image not known",
				"Error: inspecting object: network a: unable to find network with name or ID a: network not found", `Error: no container with name or ID "a" found: no such container`},
			ErrInUse: {`Error: creating container storage: the container name "a" is already in use by 12. You have to remove that container to be able to reuse that name: that name is already in use`,
				`Error: "kind" has associated containers with it. Use -f to forcibly delete containers and pods: network is being used`},
			ErrUnavailable: {"Cannot connect to Podman. Please verify your connection to the Linux system using `podman system connection list`"},
			ErrPermission:  {"Error: crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied\nfailed to connect to syslog: Initialization"},
			fs.ErrNotExist: {`Error: "/f" could not be found on container a: no such file or directory`},
			nil:            {"Error: statfs /lib/modules: no such file or directory", "failed to connect to syslog: Initialization"},
		},
		"nerdctl": {
			ErrNotFound:    {`time="now" level=fatal msg="1 errors occurred:\nno such container: a"`, "level=fatal msg=\"no such image: a\"", "no such network: kind", "no such object: a"},
			ErrInUse:       {`level=fatal msg="name \"a\" is already used by ID \"12\""`, `level=fatal msg="network \"kind\" is in use by container [\"12\"]"`},
			ErrUnavailable: {`level=fatal msg="cannot access containerd socket \"/run/containerd/containerd.sock\": no such file or directory"`, "rootless containerd not running? (hint: …)"},
			ErrPermission:  {`level=fatal msg="open /x: permission denied"`},
			fs.ErrNotExist: {`level=fatal msg="stat /proc/1/root/f: no such file or directory"`},
			nil:            {"level=fatal msg=\"something else\""},
		},
	}
}

func TestErrorsHaveTheirKind(t *testing.T) {
	kinds := []error{ErrNotFound, ErrInUse, ErrUnavailable, ErrPermission, fs.ErrNotExist}
	forAll(t, func(t *testing.T, name string, f *run.Fake, rt Runtime) {
		for want, lines := range complaints()[name] {
			for _, stderr := range lines {
				f.Fail(name+" start a", 1, stderr)
				err := rt.Start(t.Context(), "a")
				for i, kind := range kinds {
					if is := errors.Is(err, kind); is != (i == slices.Index(kinds, want)) {
						t.Errorf("%q: is %q: %v", stderr, kind, is)
					}
				}
				first, _, _ := strings.Cut(stderr, "\n")
				if failed := (*run.Error)(nil); !errors.As(err, &failed) || err.Error() != failed.Error() || errors.Is(want, ErrInUse) && failed.Reason() != first {
					t.Errorf("%q: the error says %v", stderr, err)
				}
			}
		}
		f.Answer(name+" start a", "", &exec.Error{Name: name, Err: exec.ErrNotFound})
		if err := rt.Start(t.Context(), "a"); !errors.Is(err, ErrUnavailable) {
			t.Errorf("not installed: %v", err)
		}
	})
}

// TestAbsenceIsNotFailure: what does not exist is an answer, and every other complaint is an error.
func TestAbsenceIsNotFailure(t *testing.T) {
	forAll(t, func(t *testing.T, name string, f *run.Fake, rt Runtime) {
		absent, noFile := complaints()[name][ErrNotFound], complaints()[name][fs.ErrNotExist][0]
		calls := map[string]struct {
			command, absence string
			call             func() (there bool, err error)
		}{
			"remove":         {"rm -f -v a", absent[0], func() (bool, error) { return false, rt.Remove(t.Context(), "a") }},
			"remove network": {"network rm kind", absent[len(absent)-1], func() (bool, error) { return false, rt.RemoveNetwork(t.Context(), "kind") }},
			"image":          {"image inspect", absent[1], func() (bool, error) { return rt.HasImage(t.Context(), "a") }},
			"network":        {"network inspect kind", absent[2], func() (bool, error) { n, err := rt.FindNetwork(t.Context(), "kind"); return n != nil, err }},
			"file":           {"cp a:/f", noFile, func() (bool, error) { return rt.HasFile(t.Context(), "a", "/f") }},
			"inspect":        {"container inspect a", absent[0], func() (bool, error) { c, err := rt.Inspect(t.Context(), "a"); return len(c) > 0, err }},
		}
		for what, c := range calls {
			f.Fail(name+" "+c.command, 1, c.absence)
			if there, err := c.call(); there || err != nil {
				t.Errorf("%s: %v, %v", what, there, err)
			}
			f.Fail(name+" "+c.command, 1, "something else broke")
			if _, err := c.call(); err == nil {
				t.Errorf("%s: no error", what)
			}
		}
		f.Fail(name+" cp a:/f", 1, absent[0])
		if _, err := rt.HasFile(t.Context(), "a", "/f"); err == nil {
			t.Error("no container, hence no file")
		}
		before := len(f.Calls())
		if err := rt.Remove(t.Context()); err != nil || len(f.Calls()) != before {
			t.Error("nothing to remove, but the runtime was asked")
		}
	})
}

func TestRun(t *testing.T) {
	spec := Spec{Name: "a", Image: "docker.io/library/x:1", Labels: map[string]string{"k": "v", "b": "c"}, Network: "host", HostPIDs: true, Privileged: true,
		Capabilities: []string{"NET_ADMIN"}, Sysctls: []string{"x=1", "y=2"}, Restart: "on-failure:1", StopSignal: "KILL", Entrypoint: "ip", Args: []string{"-batch", "-"}}
	forAll(t, func(t *testing.T, name string, f *run.Fake, rt Runtime) {
		f.Answer(name+" run", "out", nil)
		var out bytes.Buffer
		if err := rt.Run(t.Context(), spec, strings.NewReader("in"), &out); err != nil || out.String() != "out" {
			t.Fatalf("%q, %v", out.String(), err)
		}
		want := name + " run --rm --interactive --name a --label b=c --label k=v --network host --pid host --privileged --cap-add NET_ADMIN " +
			"--sysctl x=1 --sysctl y=2 --restart on-failure:1 --stop-signal KILL --entrypoint ip --pull never docker.io/library/x:1 -batch -"
		if got := f.Calls()[0]; got.Cmd != want || got.Stdin != "in" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestFindNetwork(t *testing.T) {
	printed := map[string]string{
		"docker":  `[{"Name":"kind","EnableIPv6":true,"IPAM":{"Config":[{"Subnet":"172.18.0.0/16"},{"Subnet":"fc00::/64"}]},"Containers":{"a":{}}}]`,
		"podman":  `[{"name":"kind","subnets":[{"subnet":"fc00::/64","gateway":"fc00::1"},{"subnet":"172.18.0.0/16"}],"ipv6_enabled":true}]`,
		"nerdctl": `[{"Name":"kind","Id":"1","IPAM":{"Config":[{"Subnet":"172.18.0.0/16"},{"Subnet":"fc00::/64"}]},"Labels":{}}]`,
	}
	forAll(t, func(t *testing.T, name string, f *run.Fake, rt Runtime) {
		f.Answer(name+" network inspect kind", printed[name], nil)
		n, err := rt.FindNetwork(t.Context(), "kind")
		if err != nil || n.Name != "kind" || !n.IPv6 || len(n.Subnets) != 2 || !slices.Contains(n.Subnets, netip.MustParsePrefix("fc00::/64")) {
			t.Errorf("%+v, %v", n, err)
		}
		only4 := strings.NewReplacer("fc00::/64", "10.1.0.0/16", "true", "false").Replace(printed[name])
		f.Answer(name+" network inspect kind", only4, nil)
		if n, err = rt.FindNetwork(t.Context(), "kind"); err != nil || n.IPv6 {
			t.Errorf("without IPv6: %+v, %v", n, err)
		}
		f.Answer(name+" network inspect kind", "[]", nil)
		if _, err := rt.FindNetwork(t.Context(), "kind"); err == nil || strings.Contains(err.Error(), "nil") {
			t.Errorf("nothing printed: %v", err)
		}
	})
}

func TestImages(t *testing.T) {
	forAll(t, func(t *testing.T, name string, f *run.Fake, rt Runtime) {
		f.Answer(name+" images", "localhost:5000/ceos:1\nlocalhost/ceos:2\nceos-lab:3\nx/ceos:4\n<none>:<none>\nmyceos:5\n", nil)
		got, err := rt.Images(t.Context(), "ceos*")
		if want := []string{"localhost/ceos:2", "ceos-lab:3"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	})
}

func TestPodmanNamesImagesAsKindDoes(t *testing.T) {
	f := &run.Fake{}
	p := NewPodman(f)
	const unknown = "Error: inspecting object: x: image not known"
	f.Fail("podman image inspect", 1, unknown)
	f.Answer("podman image inspect --format {{.Id}} docker.io/kindest/node:v1", "1", nil)
	if have, err := p.HasImage(t.Context(), "kindest/node:v1"); !have || err != nil {
		t.Errorf("%v, %v", have, err)
	}
	f.Answer("podman image inspect --format {{.Id}} localhost/mine/node:v1", "1", nil)
	if have, err := p.HasImage(t.Context(), "mine/node:v1"); have || err == nil || !strings.Contains(err.Error(), "localhost/mine/node:v1") {
		t.Errorf("loaded from an archive: %v, %v", have, err)
	}
	if have, err := p.HasImage(t.Context(), "localhost/mine/node:v1"); !have || err != nil {
		t.Errorf("named as it is: %v, %v", have, err)
	}
	if have, err := p.HasImage(t.Context(), "UPPER CASE"); have || err != nil {
		t.Errorf("no reference: %v, %v", have, err)
	}
}

func TestPodmanRemovesTheVolumesOfNodes(t *testing.T) {
	f := &run.Fake{}
	p := NewPodman(f)
	f.Answer("podman rm", "", nil)
	f.Answer("podman volume ls", "", nil)
	f.Answer("podman volume ls --quiet --filter label=b", "v1\nv2\n", nil)
	f.Answer("podman volume rm --force v1 v2", "", nil)
	if err := p.Remove(t.Context(), "a", "b"); err != nil {
		t.Error(err)
	}
	if n := len(f.Calls()); n != 4 {
		t.Errorf("calls %+v", f.Calls())
	}
}

func TestNerdctlCopiesAnArchive(t *testing.T) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	_ = w.WriteHeader(&tar.Header{Name: "startup-config", Mode: 0o644, Size: 2, Typeflag: tar.TypeReg})
	_, _ = w.Write([]byte("ok"))
	_ = w.Close()
	r := &copies{t: t}
	if err := NewNerdctl(r, "nerdctl").CopyTo(t.Context(), "c", "/mnt/flash", &archive); err != nil || r.text != "ok" {
		t.Errorf("%q, %v", r.text, err)
	}
	archive.Reset()
	w = tar.NewWriter(&archive)
	_ = w.WriteHeader(&tar.Header{Name: "../escaped", Typeflag: tar.TypeReg})
	_ = w.Close()
	if err := NewNerdctl(r, "nerdctl").CopyTo(t.Context(), "c", "/mnt/flash", &archive); err == nil {
		t.Error("a file outside of the folder was written")
	}
}

func TestDetect(t *testing.T) {
	const none = "executable file not found"
	tests := []struct {
		name, asked, provider string
		installed             map[string]string
		want                  string
	}{
		{"Docker first", Auto, "", map[string]string{"docker": "Docker version 28.2.2, build e6534b4", "podman": "podman version 4.3.1"}, "docker"},
		{"podman that is called docker", Auto, "", map[string]string{"docker": "podman version 4.3.1", "podman": "podman version 4.3.1"}, "podman"},
		{"nerdctl", Auto, "", map[string]string{"nerdctl": "nerdctl version 2.0.0"}, "nerdctl"},
		{"finch", Auto, "", map[string]string{"finch": "finch version v1.4.1"}, "finch"},
		{"none", Auto, "", nil, "docker"},
		{"what was asked for", "podman", "docker", map[string]string{"docker": "Docker version 28"}, "podman"},
		{"what kind is told", Auto, "podman", map[string]string{"docker": "Docker version 28"}, "podman"},
		{"what kind is told, nerdctl by another name", Auto, "nerdctl.lima", nil, "nerdctl.lima"},
		{"what there is not", "lxc", "", nil, ""},
		{"what kind is told and there is not", Auto, "lxc", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &run.Fake{}
			for _, c := range candidates() {
				f.Answer(c.binary+" -v", "", errors.New(none))
			}
			for binary, version := range tt.installed {
				f.Answer(binary+" -v", version+"\n", nil)
			}
			rt, err := Detect(t.Context(), f, tt.asked, tt.provider)
			switch {
			case tt.want == "" && err == nil:
				t.Errorf("no error: %s", rt.Name())
			case tt.want != "" && (err != nil || rt.Name() != tt.want):
				t.Errorf("%v, %v, want %s", rt, err, tt.want)
			}
		})
	}
}

// copies is a runner that reads what "nerdctl cp FOLDER/. …" is to copy.
type copies struct {
	t    *testing.T
	text string
}

func (c *copies) Run(_ context.Context, cmd run.Cmd) ([]byte, error) {
	if len(cmd.Args) != 3 || cmd.Args[2] != "c:/mnt/flash" {
		c.t.Errorf("ran %s", cmd)
	}
	raw, err := os.ReadFile(filepath.Join(cmd.Args[1], "startup-config"))
	c.text = string(raw)
	return nil, err
}
