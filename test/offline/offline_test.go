package offline

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
)

// newLab returns a Lab of this checkout with an empty cache.
func newLab(t *testing.T, fake *run.Fake) (*Lab, *bytes.Buffer) {
	t.Helper()
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	checkout, err := findCheckout(wd)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	return &Lab{Cache: t.TempDir(), Checkout: checkout, Run: fake, Report: status.New(&out)}, &out
}

func TestFindCheckout(t *testing.T) {
	root := t.TempDir()
	for name, module := range map[string]string{"go.mod": mainModule, "test/offline/modules/calico/go.mod": mainModule + "/x"} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("module "+module+"\n\ngo 1.26\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{".", "test", "test/offline/modules/calico"} {
		if got, err := findCheckout(filepath.Join(root, dir)); err != nil || got != root {
			t.Errorf("%s: got %q, %v; want %q", dir, got, err, root)
		}
	}
	if got, err := findCheckout(t.TempDir()); err == nil {
		t.Errorf("elsewhere: got %q, want an error", got)
	}
}

// The versions in the code and those in the go.mod files must be the same.
func TestVersions(t *testing.T) {
	l, _ := newLab(t, &run.Fake{})
	tests := []struct{ module, path, want string }{
		{"kubernetes", "k8s.io/kubernetes", KubernetesVersion},
		{"others", "github.com/coredns/coredns", CoreDNSVersion},
		{"others", "go.etcd.io/etcd/server/v3", EtcdVersion},
		{"", "sigs.k8s.io/kind", KindVersion},
	}
	for _, tt := range tests {
		got, err := requiredVersion(filepath.Join(l.moduleDir(tt.module), "go.mod"), tt.path)
		if err != nil || got != tt.want {
			t.Errorf("%s: go.mod has %q, %v; the code says %s", tt.path, got, err, tt.want)
		}
	}
}

func TestRequiredVersion(t *testing.T) {
	file := filepath.Join(t.TempDir(), "go.mod")
	const text = `module x
require a.io/single v1.0.0
require (
	a.io/direct v1.2.3
	a.io/indirect v0.1.0 // indirect
)
replace (
	a.io/replaced => a.io/other v9.9.9
)
`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"a.io/single": "v1.0.0", "a.io/direct": "v1.2.3", "a.io/indirect": "v0.1.0", "a.io/replaced": "", "a.io/dir": "",
	} {
		if got, err := requiredVersion(file, path); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v; want %q", path, got, err, want)
		}
	}
}

func TestKey(t *testing.T) {
	distinct := map[string][]string{}
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"b", "a"}, {"a", "b", ""}, {"1\na"}} {
		k := key(parts...)
		if !isKey(k) {
			t.Errorf("%q: %q is not taken for a key", parts, k)
		}
		if other, ok := distinct[k]; ok {
			t.Errorf("%q and %q have the same key", parts, other)
		}
		distinct[k] = parts
	}
	for _, name := range []string{"", "bin", "kubelet", strings.Repeat("g", len(key())), key() + "0"} {
		if isKey(name) {
			t.Errorf("%q is taken for a key", name)
		}
	}
}

// copyInputs makes a checkout with copies of all files that decide on keys.
func copyInputs(t *testing.T, l *Lab) *Lab {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{".", "test/offline/httpd", "test/offline/ceos", "test/offline/pause", "test/offline/runcshim",
		"test/offline/capability", "test/offline/modules/kubernetes", "test/offline/modules/calico", "test/offline/modules/others"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, pattern := range []string{"go.*", "*.go"} {
			found, err := filepath.Glob(filepath.Join(l.Checkout, dir, pattern))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range found {
				data, err := os.ReadFile(name)
				if err == nil {
					err = os.WriteFile(filepath.Join(root, dir, filepath.Base(name)), data, 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return &Lab{Cache: l.Cache, Checkout: root, Run: l.Run, Report: l.Report}
}

// allKeys returns the keys of all programs and images by their names.
func allKeys(t *testing.T, l *Lab) map[string]string {
	t.Helper()
	keys := map[string]string{}
	for _, p := range programs() {
		k, err := l.programKey(p)
		if err != nil {
			t.Fatal(err)
		}
		keys[p.name] = k
	}
	for _, img := range append(podImages(), hostImages()...) {
		k, err := l.imageKey(img)
		if err != nil {
			t.Fatal(err)
		}
		keys[img.name] = k
	}
	node, err := l.nodeKey()
	if err != nil {
		t.Fatal(err)
	}
	keys[NodeImage] = node
	return keys
}

func TestKeysChangeWithWhatGoesIn(t *testing.T) {
	l, _ := newLab(t, &run.Fake{})
	before := allKeys(t, copyInputs(t, l))
	if diff := cmp.Diff(before, allKeys(t, l)); diff != "" {
		t.Errorf("keys depend on where the checkout lies:\n%s", diff)
	}
	apiserver, etcd := "registry.k8s.io/kube-apiserver:"+KubernetesVersion, "registry.k8s.io/etcd:"+EtcdVersion[1:]+"-0"
	tests := []struct {
		file            string
		changes, remain []string
	}{
		{"test/offline/httpd/main.go", []string{"httpd", StaticImage, NodeImage}, []string{"pause", "etcd", MultitoolImage}},
		{"test/offline/ceos/main.go", []string{"ceos", CEOSImage}, []string{"httpd", NodeImage}},
		{"test/offline/modules/others/go.sum", []string{"etcd", "coredns", etcd, NodeImage}, []string{"kubelet", apiserver, "calicoctl"}},
		{"test/offline/modules/kubernetes/go.mod", []string{"kubelet", "kubectl", apiserver, NodeImage}, []string{"etcd", "calico-node"}},
		{"test/offline/modules/calico/go.mod", []string{"calico-node", "calico/cni:" + CalicoVersion, NodeImage}, []string{"kubelet"}},
		{"test/offline/capability/capability.go", []string{"runcshim"}, []string{"httpd", NodeImage}},
		{"test/offline/runcshim/filter_test.go", nil, []string{"runcshim", NodeImage}},
		{"go.sum", nil, []string{"httpd", "kubelet", NodeImage}}, // our own programs use the standard library only
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			changed := copyInputs(t, l)
			file := filepath.Join(changed.Checkout, tt.file)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, append(data, "\n// changed\n"...), 0o644); err != nil {
				t.Fatal(err)
			}
			after := allKeys(t, changed)
			for _, name := range tt.changes {
				if before[name] == after[name] {
					t.Errorf("%s has the same key as before", name)
				}
			}
			for _, name := range tt.remain {
				if before[name] != after[name] {
					t.Errorf("%s has another key", name)
				}
			}
		})
	}
}

func TestCatalogue(t *testing.T) {
	used := map[string]bool{}
	images := slices.Concat(podImages(), hostImages(), []image{nodeBaseImage()})
	for _, img := range images {
		for _, f := range img.files {
			if f.program == "" {
				continue
			}
			used[f.program] = true
			if _, err := programNamed(f.program); err != nil {
				t.Errorf("%s: %v", img.name, err)
			}
		}
		if len(img.config.Env) == 0 {
			t.Errorf("%s has no PATH", img.name)
		}
	}
	for _, p := range programs() {
		if !used[p.name] && p.name != "calicoctl" && p.name != "runcshim" {
			t.Errorf("%s is built for nothing: no image has it", p.name)
		}
	}
}

func TestProgramNamed(t *testing.T) {
	_, err := programNamed("kube")
	if err == nil || !strings.Contains(err.Error(), "kube-apiserver") {
		t.Errorf("error %v, want one that names the programs that there are", err)
	}
}

func TestFullName(t *testing.T) {
	for name, want := range map[string]string{
		"calico/node:v1":               "docker.io/calico/node:v1",
		"registry.k8s.io/pause:3.10":   "registry.k8s.io/pause:3.10",
		"registry.k8s.io/a/b:1":        "registry.k8s.io/a/b:1",
		"offline/static:1":             "docker.io/offline/static:1",
		"kindest/node:v1.34.4-offline": "docker.io/kindest/node:v1.34.4-offline",
	} {
		if got := fullName(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestEdited(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("a = 1\nb = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := edited(file, []edit{{"a = 1", "a = 2"}, {"", "c = 3\n"}})
	if err != nil || string(got) != "a = 2\nb = 1\nc = 3\n" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, old := range []string{"absent", "= 1"} {
		if _, err := edited(file, []edit{{old, "x"}}); err == nil || !strings.Contains(err.Error(), old) {
			t.Errorf("%q: error %v, want one that says what is not there once", old, err)
		}
	}
}

func TestEnvLines(t *testing.T) {
	e := Env{NodeImage: "kindest/node:v1", CalicoVersion: "v3", CalicoManifests: "/a b/it's", BinDir: "/bin/$x"}
	want := []string{
		"NODE_IMAGE=kindest/node:v1", "CALICO_VERSION=v3", `CALICO_MANIFESTS='/a b/it'\''s'`, "MULTITOOL_IMAGE=''",
		"STATIC_IMAGE=''", "CEOS_IMAGE=''", "BIN_DIR='/bin/$x'", "DOCKER_PIDFILE=''",
	}
	if diff := cmp.Diff(want, e.Lines()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	script := strings.Join(e.Lines(), "\n") + "\nprintf %s \"$CALICO_MANIFESTS$BIN_DIR\""
	out, err := exec.Command("sh", "-c", script).Output()
	if err != nil || string(out) != "/a b/it's/bin/$x" {
		t.Errorf("a shell reads %q, %v", out, err)
	}
}

func TestPickMirror(t *testing.T) {
	tests := []struct{ name, sites, want string }{
		{"security first", "http://a.example/debian-security\nhttp://b.example/debian\nhttp://c.example/debian\n", "http://b.example/debian"},
		{"trailing slash", "https://b.example/mirror/debian/\n", "https://b.example/mirror/debian/"},
		{"others only", "https://pkgs.example/linux/ubuntu\n\n", ""},
		{"none", "", ""},
	}
	for _, tt := range tests {
		if got := pickMirror(tt.sites); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
