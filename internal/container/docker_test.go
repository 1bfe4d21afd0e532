package container

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
)

const inspected = `[{"Id":"abc","Name":"/node","State":{"Running":true,"Status":"running","Pid":42,"StartedAt":"2026-01-02T03:04:05.6Z"},
"Config":{"Image":"kindest/node:1","Labels":{"a":"b"}},"Mounts":[{"Destination":"/var"}],
"NetworkSettings":{"Networks":{"kind":{"IPAddress":"172.18.0.2","GlobalIPv6Address":"fc00::2"},"none":{"IPAddress":"","GlobalIPv6Address":""}}}}]`

func fake() (*run.Fake, Docker) {
	f := &run.Fake{}
	return f, Docker{Runner: f}
}

func TestInspect(t *testing.T) {
	f, d := fake()
	f.Answer("docker container inspect", inspected, nil)
	got, err := d.Inspect(t.Context(), "node")
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

func TestInspectLeavesOutWhatIsGone(t *testing.T) {
	f, d := fake()
	f.Answer("docker container inspect", "[]", &run.Error{Cmd: run.Cmd{Name: "docker"}, Code: 1, Stderr: "Error: No such container: a\nError: No such container: b"})
	if got, err := d.Inspect(t.Context(), "a", "b"); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	f.Fail("docker container inspect", 1, "Error: No such container: a\npermission denied")
	if _, err := d.Inspect(t.Context(), "a"); err == nil {
		t.Error("another complaint was swallowed")
	}
}

func TestRemoveIsContentWithWhatIsGone(t *testing.T) {
	tests := []struct {
		stderr string
		ok     bool
	}{
		{"Error: No such container: a", true},
		{"Error response from daemon: removal of container a is already in progress", true},
		{"Error response from daemon: driver failed", false},
	}
	for _, tt := range tests {
		f, d := fake()
		f.Fail("docker rm -f -v a", 1, tt.stderr)
		if err := d.Remove(t.Context(), "a"); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.stderr, err)
		}
	}
	f, d := fake()
	if err := d.Remove(t.Context()); err != nil || len(f.Calls()) != 0 {
		t.Error("nothing to remove, but docker was asked")
	}
}

func TestHasImageTellsAbsenceFromFailure(t *testing.T) {
	f, d := fake()
	f.Fail("docker image inspect", 1, "Error: No such image: x")
	if have, err := d.HasImage(t.Context(), "x"); have || err != nil {
		t.Errorf("%v, %v", have, err)
	}
	f.Fail("docker image inspect", 1, "Cannot connect to the Docker daemon")
	if _, err := d.HasImage(t.Context(), "x"); err == nil {
		t.Error("no error")
	}
}

func TestHasFileTellsAbsenceFromFailure(t *testing.T) {
	f, d := fake()
	f.Fail("docker cp c:/f -", 1, "Error: No such container:path: c:/f\nCould not find the file /f in container c")
	if have, err := d.HasFile(t.Context(), "c", "/f"); have || err != nil {
		t.Errorf("%v, %v", have, err)
	}
	f.Fail("docker cp c:/f -", 1, "Error: No such container: c")
	if _, err := d.HasFile(t.Context(), "c", "/f"); err == nil {
		t.Error("no error")
	}
	f.Answer("docker cp c:/f -", "tar", nil)
	if have, err := d.HasFile(t.Context(), "c", "/f"); !have || err != nil {
		t.Errorf("%v, %v", have, err)
	}
}

func TestFindNetwork(t *testing.T) {
	f, d := fake()
	f.Answer("docker network inspect kind", `[{"Name":"kind","EnableIPv6":true,"IPAM":{"Config":[{"Subnet":"172.18.0.0/16"},{"Subnet":"fc00::/64"}]},"Containers":{"a":{}}}]`, nil)
	n, err := d.FindNetwork(t.Context(), "kind")
	if err != nil || n.Name != "kind" || !n.IPv6 || len(n.Subnets) != 2 || n.Containers != 1 {
		t.Errorf("%+v, %v", n, err)
	}
	for _, absent := range []string{"Error: No such network: kind", "Error response from daemon: network kind not found"} {
		f.Fail("docker network inspect kind", 1, absent)
		if n, err := d.FindNetwork(t.Context(), "kind"); n != nil || err != nil {
			t.Errorf("%s: %+v, %v", absent, n, err)
		}
	}
	f.Answer("docker network inspect kind", "[]", nil)
	if _, err := d.FindNetwork(t.Context(), "kind"); err == nil || strings.Contains(err.Error(), "nil") {
		t.Errorf("nothing printed: %v", err)
	}
}
