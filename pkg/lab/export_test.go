package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	kind "sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// exported returns the files of a lab by path.
func exported(t *testing.T, change func(*CreateOptions)) map[string]string {
	t.Helper()
	o := options(t)
	if change != nil {
		change(&o)
	}
	files, err := (&Manager{}).Export(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range files {
		all[f.Path] = f.Text
	}
	return all
}

func paths(files map[string]string) []string {
	var all []string
	for path := range files {
		all = append(all, path)
	}
	slices.Sort(all)
	return all
}

func TestExport(t *testing.T) {
	linux := exported(t, nil)
	if d := cmp.Diff([]string{"README.md", "calico-cni-config/calico.yaml", "calico-cni-config/ip-pools.yaml", "dual-stack-no-cni.yaml", "lab.yaml",
		"startup-configs/switch01.batch", "tools/multitool-pod.yaml", "topology.clab.yaml"}, paths(linux)); d != "" {
		t.Errorf("Linux and manifest: (-want +got)\n%s", d)
	}
	ceos := exported(t, func(o *CreateOptions) { o.Switch, o.CalicoInstall, o.CalicoManifests = SwitchAuto, InstallOperator, "" })
	if d := cmp.Diff([]string{"README.md", "calico-cni-config/custom-resources.yaml", "dual-stack-no-cni.yaml", "lab.yaml",
		"startup-configs/ceos01-startup-config.config", "tools/multitool-pod.yaml", "topology.clab.yaml"}, paths(ceos)); d != "" {
		t.Errorf("cEOS and operator: (-want +got)\n%s", d)
	}
	for name, files := range map[string]map[string]string{"linux": linux, "ceos": ceos} {
		testutil.Golden(t, "export-"+name+".clab.yaml", []byte(files[pathTopology]))
		testutil.Golden(t, "export-"+name+".README.md", []byte(files[readme]))
	}
	k, err := fabric.Find(fabric.Linux)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := k.File(spec.Default())
	if err != nil {
		t.Fatal(err)
	}
	if got := linux["startup-configs/switch01.batch"]; got != batch.Text {
		t.Errorf("the switch's commands are\n%s", got)
	}
}

// TestExportIsWhatRuns holds that what is exported is what "lab create" creates, object by object.
func TestExportIsWhatRuns(t *testing.T) {
	o := options(t)
	files := exported(t, nil)
	tools, err := render.Tools(o.Lab, o.ToolsImage)
	if err != nil || files[pathTools] != tools {
		t.Errorf("%v, tools\n%s", err, cmp.Diff(tools, files[pathTools]))
	}
	m := &Manager{}
	calico, err := m.loadCalico(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{pathCalico: calico.first, pathPools: calico.then} {
		got, err := render.Objects(files[path])
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, any(got)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", path, d)
		}
	}
	l, err := spec.Parse([]byte(files[pathLab]), spec.Lab{})
	if err != nil || cmp.Diff(fmt.Sprint(o.Lab), fmt.Sprint(l)) != "" {
		t.Errorf("%v, lab %+v", err, l)
	}
}

// TestExportedClusterIsNoLabs: what containerlab made is not this program's to list or delete.
func TestExportedClusterIsNoLabs(t *testing.T) {
	for path, text := range exported(t, nil) {
		if strings.Contains(text, render.Marker) {
			t.Errorf("%s has the mark of a lab's nodes", path)
		}
	}
}

// The keys that containerlab's own schema knows of what is used (schemas/clab.schema.json of srl-labs/containerlab, definitions
// node-config, which allows no others, and link-config) and the manual's pages of the kinds: nodes are named by what links and
// kind call them, an ext-container is one that others make, k8s-kind takes kind's configuration as startup-config.
var (
	topologyKeys = []string{"name", "prefix", "mgmt", "topology"}
	nodeKeys     = []string{"image", "kind", "startup-config", "exec", "binds", "entrypoint", "cmd", "extras"}
	nodeKinds    = []string{"arista_ceos", "linux", "k8s-kind", "ext-container"}
	endpoint     = regexp.MustCompile(`^\S+:\S+$`)
	// clabName is what a lab may be called: it becomes part of containers' names.
	clabName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)
)

type clabNode struct {
	Kind    string   `json:"kind"`
	Image   string   `json:"image"`
	Startup string   `json:"startup-config"`
	Exec    []string `json:"exec"`
	Binds   []string `json:"binds"`
}

type clabTopology struct {
	Name     string `json:"name"`
	Topology struct {
		Nodes map[string]clabNode `json:"nodes"`
		Links []struct {
			Endpoints []string `json:"endpoints"`
		} `json:"links"`
	} `json:"topology"`
}

// clabProblems holds a set of files against containerlab's rules.
func clabProblems(files map[string]string) (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	var raw struct {
		Topology struct {
			Nodes map[string]map[string]any `json:"nodes"`
		} `json:"topology"`
	}
	var top map[string]any
	var t clabTopology
	for _, v := range []any{&raw, &top, &t} {
		if err := yaml.Unmarshal([]byte(files[pathTopology]), v); err != nil {
			return []string{err.Error()}
		}
	}
	for key := range top {
		if !slices.Contains(topologyKeys, key) {
			bad("key %s", key)
		}
	}
	if !clabName.MatchString(t.Name) {
		bad("name %q", t.Name)
	}
	for name, n := range t.Topology.Nodes {
		for key := range raw.Topology.Nodes[name] {
			if !slices.Contains(nodeKeys, key) {
				bad("node %s: key %s", name, key)
			}
		}
		if !slices.Contains(nodeKinds, n.Kind) {
			bad("node %s: kind %s", name, n.Kind)
		}
		if n.Kind != "ext-container" && n.Image == "" {
			bad("node %s: no image", name)
		}
		if n.Startup != "" && files[n.Startup] == "" {
			bad("node %s: no file %s", name, n.Startup)
		}
		for _, b := range n.Binds {
			if from, _, _ := strings.Cut(b, ":"); files[from] == "" {
				bad("node %s: no file %s", name, from)
			}
		}
	}
	seen := map[string]bool{}
	for _, l := range t.Topology.Links {
		if len(l.Endpoints) != 2 {
			bad("link %v", l.Endpoints)
		}
		for _, e := range l.Endpoints {
			node, _, _ := strings.Cut(e, ":")
			if _, ok := t.Topology.Nodes[node]; !ok || !endpoint.MatchString(e) || seen[e] {
				bad("end point %s", e)
			}
			seen[e] = true
		}
	}
	return problems
}

func TestTopologyKeepsContainerlabsRules(t *testing.T) {
	for name, change := range map[string]func(*CreateOptions){
		"Linux": nil,
		"cEOS":  func(o *CreateOptions) { o.Switch = fabric.CEOS },
		"other": func(o *CreateOptions) { o.Lab.Name, o.Lab.Workers = "small", 0 },
	} {
		if p := clabProblems(exported(t, change)); p != nil {
			t.Errorf("%s: %q", name, p)
		}
	}
	files := exported(t, nil)
	for what, broken := range map[string]string{
		"another key":      strings.Replace(files[pathTopology], "binds:", "mounts:", 1),
		"another kind":     strings.Replace(files[pathTopology], "kind: linux", "kind: bird", 1),
		"an unknown node":  strings.Replace(files[pathTopology], "\"switch01:eth1\"", "\"switch02:eth1\"", 1),
		"a file not there": strings.Replace(files[pathTopology], "dual-stack-no-cni", "no-cni", 1),
	} {
		files[pathTopology] = broken
		if clabProblems(files) == nil {
			t.Errorf("%s is no problem", what)
		}
	}
}

// fakeDocker is enough of Docker for kind to come to its validation and past it, where it is refused.
const fakeDocker = `#!/bin/sh
case "$1" in
-v) echo 'Docker version 27.0.0, build x';;
info) echo '{"CgroupVersion":"2","SecurityOptions":[],"MemoryLimit":true,"PidsLimit":true,"CPUShares":true}';;
ps) ;;
inspect) ;;
*) echo 'refused by the test' >&2; exit 1;;
esac
`

// TestKindAcceptsItsFile has kind itself read and validate the file: with a good one it goes on to the container engine.
func TestKindAcceptsItsFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for docker is a shell script")
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "docker"), []byte(fakeDocker), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	create := func(text string) error {
		return kind.NewProvider(kind.ProviderWithDocker(), kind.ProviderWithLogger(log.NoopLogger{})).Create("", kind.CreateWithRawConfig([]byte(text)),
			kind.CreateWithKubeconfigPath(filepath.Join(bin, "kubeconfig")))
	}
	text := exported(t, nil)["dual-stack-no-cni.yaml"]
	const past = "docker network"
	if err := create(text); err == nil || !strings.Contains(err.Error(), past) {
		t.Errorf("kind does not go past its validation: %v", err)
	}
	for _, broken := range []string{
		strings.Replace(text, "192.168.0.0/16,", "192.168.0.0/99,", 1),
		strings.Replace(text, "disableDefaultCNI", "noCNI", 1),
		strings.Replace(text, "role: worker", "role: helper", 1),
	} {
		if err := create(broken); err == nil || strings.Contains(err.Error(), past) {
			t.Errorf("kind takes what is broken: %v\n%s", err, broken)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "lab")
	files := []render.File{{Path: "a.yaml", Text: "a: 1\n"}, {Path: "sub/b.config", Text: "end\n"}, {Path: "c.md", Text: "# c\n"}}
	for range 2 { // the second time over its own files
		if err := Write(dir, files, false); err != nil {
			t.Fatal(err)
		}
	}
	files[0].Text = "a: 2\n"
	if err := os.WriteFile(filepath.Join(dir, "sub", "b.config"), []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, files, false); err == nil || !strings.Contains(err.Error(), "b.config") || strings.Contains(err.Error(), "a.yaml") {
		t.Errorf("over somebody's file: %v", err)
	}
	if raw, _ := os.ReadFile(filepath.Join(dir, "a.yaml")); !strings.HasSuffix(string(raw), "a: 1\n") {
		t.Errorf("a.yaml was written though another file was in the way: %q", raw)
	}
	if err := Write(dir, files, true); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"a.yaml": "# " + written, "sub/b.config": "! " + written, "c.md": "<!-- " + written} {
		raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil || !strings.HasPrefix(string(raw), want) || !isSealed(string(raw)) {
			t.Errorf("%s: %v, %q", path, err, raw)
		}
	}
	for folder, want := range map[string]int{filepath.Dir(dir): 1, dir: len(files)} {
		if left, err := os.ReadDir(folder); err != nil || len(left) != want {
			t.Errorf("in %s there is %v, %v", folder, left, err)
		}
	}
}

// TestWriteInTheWay leaves nothing behind where a folder cannot be made.
// TestExportFollowsNoSymbolicLink: a link that somebody planted leads nobody's files elsewhere.
func TestExportFollowsNoSymbolicLink(t *testing.T) {
	files := []render.File{{Path: "a.yaml", Text: "a: 1\n"}, {Path: "sub/b.yaml", Text: "b: 1\n"}}
	tests := []struct {
		name   string
		plant  func(dir, elsewhere string) error
		writes bool // with force the folder is written to all the same
	}{
		{"the folder", func(dir, elsewhere string) error { return os.Symlink(elsewhere, dir) }, false},
		{"a folder in it", func(dir, elsewhere string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.Symlink(elsewhere, filepath.Join(dir, "sub")))
		}, false},
		{"a file", func(dir, elsewhere string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.Symlink(filepath.Join(elsewhere, "victim"), filepath.Join(dir, "a.yaml")))
		}, true},
		{"a file that is not there", func(dir, elsewhere string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.Symlink(filepath.Join(elsewhere, "new"), filepath.Join(dir, "a.yaml")))
		}, true},
	}
	for _, tt := range tests {
		for _, force := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, force %v", tt.name, force), func(t *testing.T) {
				dir, elsewhere := filepath.Join(t.TempDir(), "lab"), t.TempDir()
				victim := filepath.Join(elsewhere, "victim")
				if err := errors.Join(os.WriteFile(victim, []byte("mine"), 0o600), tt.plant(dir, elsewhere)); err != nil {
					t.Fatal(err)
				}
				if err := Write(dir, files, force); (err == nil) != (tt.writes && force) {
					t.Errorf("error %v", err)
				}
				left, err := os.ReadDir(elsewhere)
				if raw, _ := os.ReadFile(victim); err != nil || len(left) != 1 || string(raw) != "mine" {
					t.Errorf("elsewhere there is %v, %v, and the victim has %q", left, err, raw)
				}
			})
		}
	}
}

func TestWriteInTheWay(t *testing.T) {
	parent := t.TempDir()
	if err := os.WriteFile(filepath.Join(parent, "lab"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(parent, "lab"), []render.File{{Path: "a", Text: "a"}}, false); err == nil {
		t.Error("a file was taken for a folder")
	}
	if left, _ := os.ReadDir(parent); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestExisting(t *testing.T) {
	r := theRecord()
	r.Lab.Workers, r.ToolsImage, r.CalicoInstall, r.CalicoManifests = 5, "tools:2", InstallManifest, "/calico"
	_, m := host(t, switchJSON(t, r, true), nodeJSON("dual-stack", "dual-stack-control-plane", true, true))
	got, err := m.Existing(t.Context(), CreateOptions{Lab: spec.Default(), Switch: SwitchAuto, ToolsImage: "tools:1", CalicoInstall: InstallOperator, CalicoVersion: "v3.30.0"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Lab.Workers != 5 || got.Switch != fabric.Linux || got.NodeImage != "node:1" || got.ToolsImage != "tools:2" || got.CalicoInstall != InstallManifest ||
		got.CalicoVersion != "" || got.CalicoManifests != "/calico" {
		t.Errorf("got %+v", got)
	}
	if _, err := m.Existing(t.Context(), CreateOptions{Lab: spec.Lab{Name: "other"}}); err == nil {
		t.Error("no error for a lab that there is not")
	}
}
