package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/labtest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// host is a Docker host with the containers given, as docker's commands print them.
func host(t *testing.T, containers ...map[string]any) (*run.Fake, *Manager) {
	t.Helper()
	f := &run.Fake{}
	var own, kind []string
	for _, c := range containers {
		id := c["Id"].(string)
		if labels := c["Config"].(map[string]any)["Labels"].(map[string]string); labels[record.KindCluster] != "" {
			kind = append(kind, id)
		} else if labels[record.LabelLab] != "" {
			own = append(own, id)
		}
		inspect(t, f, id, c)
	}
	all := func(ids []string) {
		var list []map[string]any
		for _, c := range containers {
			for _, id := range ids {
				if c["Id"] == id {
					list = append(list, c)
				}
			}
		}
		inspect(t, f, strings.Join(ids, " "), list...)
	}
	all(own)
	all(kind)
	f.Answer("docker version", "20.10.24\n", nil)
	f.Answer("docker ps -a -q --no-trunc --filter label="+record.LabelLab, strings.Join(own, "\n"), nil)
	f.Answer("docker ps -a -q --no-trunc --filter label="+record.KindCluster, strings.Join(kind, "\n"), nil)
	f.Answer("docker image inspect", "sha256:1", nil)
	f.Fail("docker network inspect kind", 1, "Error: No such network: kind")
	f.Answer("docker run --rm --label dualstack.lab", "8192\n", nil)
	f.Answer("docker images", "", nil)
	f.Answer(lockRun, "\n", nil)
	return f, &Manager{Runtime: container.NewDocker(f), Progress: status.New(io.Discard), HTTP: http.DefaultClient}
}

func inspect(t *testing.T, f *run.Fake, args string, containers ...map[string]any) {
	t.Helper()
	raw, err := json.Marshal(containers)
	if err != nil {
		t.Fatal(err)
	}
	f.Answer("docker container inspect "+args, string(raw), nil)
}

func containerJSON(name string, running bool, labels map[string]string, mounts ...string) map[string]any {
	var m []map[string]string
	for _, x := range mounts {
		m = append(m, map[string]string{"Destination": x})
	}
	return map[string]any{"Id": "id-" + name, "Name": "/" + name, "State": map[string]any{"Running": running, "Pid": 7},
		"Config": map[string]any{"Labels": labels}, "Mounts": m}
}

func switchJSON(t *testing.T, r record.Record, running bool) map[string]any {
	t.Helper()
	labels, err := r.Labels()
	if err != nil {
		t.Fatal(err)
	}
	return containerJSON(r.Lab.SwitchName(), running, labels)
}

func nodeJSON(cluster, name string, running, ours bool) map[string]any {
	labels := map[string]string{record.KindCluster: cluster}
	if ours {
		return containerJSON(name, running, labels, "/var", render.Marker)
	}
	return containerJSON(name, running, labels, "/var")
}

func theRecord() record.Record {
	return record.Record{Lab: spec.Default(), Switch: fabric.Linux, NodeImage: "node:1"}
}

// options are those of a lab that can be created on an empty host.
func options(t *testing.T) CreateOptions {
	t.Helper()
	dir := labtest.Find(t, "v3.28.5").Folder(t)
	return CreateOptions{
		Lab: spec.Default(), Switch: fabric.Linux, NodeImage: "node:1", ToolsImage: "tools:1", CalicoInstall: InstallManifest,
		CalicoManifests: dir, Kubeconfig: filepath.Join(dir, "kubeconfig"),
	}
}

func TestList(t *testing.T) {
	other := theRecord()
	other.Lab.Name, other.Lab.Workers = "other", 0
	_, m := host(t,
		switchJSON(t, theRecord(), true), nodeJSON("dual-stack", "dual-stack-control-plane", true, true),
		nodeJSON("dual-stack", "dual-stack-worker", true, true), nodeJSON("dual-stack", "dual-stack-worker2", false, true),
		switchJSON(t, other, false), nodeJSON("other", "other-control-plane", false, true),
		nodeJSON("mine", "mine-control-plane", true, false), // a cluster that is no lab's
		nodeJSON("orphan", "orphan-control-plane", true, true),
	)
	got, err := m.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Summary{
		{Name: "dual-stack", Status: "partial", Switch: "linux", Nodes: 3, Running: 2},
		{Name: "orphan", Status: "partial", Nodes: 1, Running: 1},
		{Name: "other", Status: "stopped", Switch: "linux", Nodes: 1},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestNoDocker(t *testing.T) {
	f, m := host(t)
	f.Fail("docker version", 1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?")
	want := "reach Docker: docker version: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?: " +
		"start it, or point DOCKER_HOST at one that you may use"
	for name, call := range map[string]func() error{
		"create": func() error { _, err := m.Create(t.Context(), options(t)); return err },
		"delete": func() error { return m.Delete(t.Context(), "dual-stack", "") },
		"list":   func() error { _, err := m.List(t.Context()); return err },
		"status": func() error { _, err := m.Status(t.Context(), "dual-stack"); return err },
	} {
		if err := call(); err == nil || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoSuchLab(t *testing.T) {
	_, m := host(t, nodeJSON("dual-stack", "dual-stack-control-plane", true, false)) // of kind's, but no lab's
	if err := m.Delete(t.Context(), "dual-stack", ""); !errors.Is(err, ErrNoLab) {
		t.Errorf("delete: %v", err)
	}
	if _, err := m.Status(t.Context(), "dual-stack"); !errors.Is(err, ErrNoLab) {
		t.Errorf("status: %v", err)
	}
}

// network is docker network inspect's answer.
func network(ipv6 bool, subnets ...string) string {
	var config []string
	for _, s := range subnets {
		config = append(config, fmt.Sprintf(`{"Subnet":%q}`, s))
	}
	return fmt.Sprintf(`[{"Name":"kind","EnableIPv6":%v,"IPAM":{"Config":[%s]}}]`, ipv6, strings.Join(config, ","))
}

func TestCreateRefuses(t *testing.T) {
	tests := []struct {
		name   string
		there  []map[string]any
		change func(*run.Fake, *CreateOptions)
		want   []string // each on a line of its own
	}{
		{"a cluster of kind's with that name", []map[string]any{nodeJSON("dual-stack", "dual-stack-control-plane", true, false)},
			func(f *run.Fake, _ *CreateOptions) {
				f.Answer("docker container inspect dual-stack-control-plane", inspectText(t, nodeJSON("dual-stack", "dual-stack-control-plane", true, false)), nil)
			}, []string{`name "dual-stack" is taken: container dual-stack-control-plane belongs to kind cluster "dual-stack", which is no lab's`}},
		{"a container with the switch's name", nil, func(f *run.Fake, _ *CreateOptions) {
			f.Answer("docker container inspect dual-stack-control-plane", inspectText(t, containerJSON("dual-stack-switch", true, nil)), nil)
		}, []string{`name "dual-stack" is taken: container dual-stack-switch belongs to a container that is no lab's`}},
		{"a network without IPv6", nil, func(f *run.Fake, _ *CreateOptions) {
			f.Answer("docker network inspect kind", network(false, "172.18.0.0/16"), nil)
		}, []string{`docker network "kind" has no IPv6`}},
		{"a network over the pods", nil, func(f *run.Fake, _ *CreateOptions) {
			f.Answer("docker network inspect kind", network(true, "192.168.16.0/20", "fc00:f853::/64"), nil)
		}, []string{`ipv4.pods: 192.168.0.0/16 is in use: docker network "kind" has 192.168.16.0/20`}},
		{"a missing node image", nil, func(f *run.Fake, _ *CreateOptions) {
			f.Fail("docker image inspect", 1, "Error: No such image: node:1")
			f.Fail("docker pull", 1, "Error response from daemon: no such host")
		}, []string{"node image node:1 is not on this Docker host and cannot be pulled: docker pull: Error response from daemon: no such host: " +
			"load it (docker load), or name another with --node-image"}},
		{"a missing cEOS image", nil, func(_ *run.Fake, o *CreateOptions) { o.Switch = fabric.CEOS },
			[]string{"the cEOS image is not on this Docker host and cannot be pulled"}},
		{"too few inotify instances", nil, func(f *run.Fake, _ *CreateOptions) { f.Answer("docker run --rm --label dualstack.lab", "128\n", nil) },
			[]string{"the kernel allows 128 inotify instances and the lab needs about 510"}},
		{"no image archive", nil, func(_ *run.Fake, o *CreateOptions) { o.ImageArchives = []string{"/no/such.tar", os.TempDir()} },
			[]string{"image archive: stat /no/such.tar", "is a folder: give a file that docker save wrote"}},
		{"a kubeconfig that cannot be written", nil, func(_ *run.Fake, o *CreateOptions) { o.Kubeconfig = "/dev/null/config" },
			[]string{"kubeconfig /dev/null/config: cannot be written: not a directory: name another in KUBECONFIG or with --kubeconfig"}},
		{"no manifests", nil, func(_ *run.Fake, o *CreateOptions) { o.CalicoManifests = "/no/such/folder" },
			[]string{"read Calico's manifests: /no/such/folder: no such folder"}},
		{"a version that is none", nil, func(_ *run.Fake, o *CreateOptions) { o.CalicoVersion = "latest" },
			[]string{`calico version "latest": give one as v3.32.1`}},
		{"another version than the folder's", nil, func(_ *run.Fake, o *CreateOptions) { o.CalicoVersion = "v3.99.0" },
			[]string{"calico v3.99.0 was asked for, but calico-vxlan.yaml in"}},
		{"everything at once", nil, func(f *run.Fake, o *CreateOptions) {
			f.Answer("docker network inspect kind", network(false), nil)
			o.ImageArchives, o.CalicoVersion, o.Kubeconfig = []string{"/no/such.tar"}, "v1", t.TempDir()
		}, []string{"has no IPv6", "image archive", "is a folder", "calico version"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, m := host(t, tt.there...)
			f.Answer("docker container inspect dual-stack-control-plane", "[]", nil)
			o := options(t)
			tt.change(f, &o)
			_, err := m.Create(t.Context(), o)
			if err == nil {
				t.Fatal("no error")
			}
			if n := strings.Count(err.Error(), "\n") + 1; n != len(tt.want) {
				t.Errorf("%d lines, want %d:\n%v", n, len(tt.want), err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not contain %q", err, w)
				}
			}
			for _, c := range f.Calls() {
				for _, verb := range []string{"docker rm", "docker create", "docker start", "docker network rm"} {
					if strings.HasPrefix(c.Cmd, verb) {
						t.Errorf("ran %q", c.Cmd)
					}
				}
			}
		})
	}
}

func inspectText(t *testing.T, containers ...map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(containers)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestCreateRefusesAnotherLabOfTheSameName(t *testing.T) {
	f, m := host(t, switchJSON(t, theRecord(), true), nodeJSON("dual-stack", "dual-stack-control-plane", true, true),
		nodeJSON("dual-stack", "dual-stack-worker", true, true), nodeJSON("dual-stack", "dual-stack-worker2", true, true))
	f.Answer("docker cp dual-stack-control-plane:/kind/dualstack-created -", "", nil)
	o := options(t)
	o.Lab.Workers, o.Switch, o.NodeImage = 4, fabric.CEOS, "node:2"
	_, err := m.Create(t.Context(), o)
	want := `lab "dual-stack" is there already and differs in its addresses, its routing or the number of its nodes and its switch (it has linux) ` +
		`and its node image (it has node:1): delete it first, or give another --name`
	if err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
}

func TestChooseSwitch(t *testing.T) {
	tests := []struct {
		name, asked, image, images string
		wantSwitch, wantImage      string
	}{
		{"auto without cEOS", SwitchAuto, "", "", fabric.Linux, "node:1"},
		{"auto with cEOS", SwitchAuto, "", "ceos:4.34.0F\nceos:4.30.1F\n", fabric.CEOS, "ceos:4.34.0F"},
		{"auto with an image that was named", SwitchAuto, "mine:1", "", fabric.CEOS, "mine:1"},
		{"linux beside cEOS", fabric.Linux, "", "ceos:4.34.0F\n", fabric.Linux, "node:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, m := host(t)
			f.Answer("docker images", tt.images, nil)
			o := options(t)
			o.Switch, o.SwitchImage = tt.asked, tt.image
			if err := m.chooseSwitch(t.Context(), &o); err != nil || o.Switch != tt.wantSwitch || o.SwitchImage != tt.wantImage {
				t.Errorf("%s %s, %v", o.Switch, o.SwitchImage, err)
			}
		})
	}
}

func TestOperatorManifests(t *testing.T) {
	const namespace = "kind: Namespace\napiVersion: v1\n"
	served := map[string]string{"/old/tigera-operator.yaml": namespace + labtest.Definitions(defineCR), "/broken/tigera-operator.yaml": namespace}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := served[r.URL.Path]
		switch {
		case r.URL.Path == "/broken/operator-crds.yaml":
			w.WriteHeader(http.StatusBadGateway)
		case ok:
			fmt.Fprint(w, text)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer s.Close()
	_, m := host(t)
	o := options(t)
	o.CalicoInstall, o.CalicoManifests = InstallOperator, s.URL+"/old/"
	got, err := m.loadCalico(t.Context(), o)
	if err != nil || len(got.first) != 2 || len(got.then) != 1 || got.then[0].GetKind() != "Installation" {
		t.Errorf("before v3.30: %+v, %v", got, err)
	}
	served["/old/tigera-operator.yaml"], served["/old/operator-crds.yaml"] = namespace, labtest.Definitions(defineCR)
	if got, err = m.loadCalico(t.Context(), o); err != nil || len(got.first) != 2 {
		t.Errorf("since v3.30: %+v, %v", got, err)
	}
	o.CalicoManifests = s.URL + "/none"
	if _, err = m.loadCalico(t.Context(), o); err == nil || !strings.Contains(err.Error(), "is there such a version of Calico?") {
		t.Errorf("no such version: %v", err)
	}
	o.CalicoManifests = s.URL + "/broken"
	if _, err = m.loadCalico(t.Context(), o); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("broken server: %v", err)
	}
}

// TestADownloadThatFailsIsNotTheAPIServer: users are told which download failed, and what to do instead.
func TestADownloadThatFailsIsNotTheAPIServer(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	_, m := host(t)
	o := options(t)
	o.CalicoManifests = s.URL
	_, err := m.loadCalico(t.Context(), o)
	if err == nil {
		t.Fatal("no error")
	}
	want := "error: fetch Calico's manifest " + s.URL + "/calico-vxlan.yaml: dial tcp "
	if got := strings.Join(exit.Messages(err), "\n"); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "--calico-manifests takes a folder or another URL") {
		t.Errorf("got %q, want %q…", got, want)
	}
}

func TestRemoveEmptyKubeconfig(t *testing.T) {
	tests := []struct {
		name, text string
		stays      bool
	}{
		{"nothing in it", "apiVersion: v1\nkind: Config\nclusters: null\n", false},
		{"another cluster in it", "apiVersion: v1\nkind: Config\nclusters: [{name: x, cluster: {server: 'https://x'}}]\n", true},
		{"no kubeconfig", "{", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := removeEmptyKubeconfig(path); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path); (err == nil) != tt.stays {
				t.Errorf("stays %v, want %v", err == nil, tt.stays)
			}
		})
	}
	if err := removeEmptyKubeconfig(filepath.Join(t.TempDir(), "gone")); err != nil {
		t.Errorf("gone already: %v", err)
	}
}
