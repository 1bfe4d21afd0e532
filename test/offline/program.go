package offline

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
)

// program is a binary that is built from Go modules.
type program struct {
	name    string
	module  string   // folder in modules/ whose go.mod pins what it is built from; empty: this project's own
	pkg     string   // import path
	ldflags string   // beyond those that all have
	sources []string // of this project's own: the folders that it is built from, all without dependencies
}

const (
	calicoModule  = "github.com/projectcalico/calico"
	calico        = calicoModule + "/"
	componentBase = "k8s.io/component-base/version."
	own           = mainModule + "/test/offline/"
)

// baseLDFlags leave out the symbol table and DWARF: a fifth of the size, in images that every node copies.
const baseLDFlags = "-s -w"

// programs returns all that can be built. Their order is the one to build them in: of those that share packages, the
// one that needs most of them first.
func programs() []program {
	list := kubernetesPrograms("kubelet", "kubeadm", "kubectl", "kube-apiserver", "kube-controller-manager",
		"kube-scheduler", "kube-proxy")
	list = append(list, calicoPrograms()...)
	return append(list,
		program{name: "coredns", module: "others", pkg: "github.com/coredns/coredns"},
		program{name: "etcd", module: "others", pkg: "go.etcd.io/etcd/server/v3"},
		program{name: "pause", pkg: own + "pause", sources: []string{"pause"}},
		program{name: "httpd", pkg: own + "httpd", sources: []string{"httpd"}},
		program{name: "ceos", pkg: own + "ceos", sources: []string{"ceos"}},
		program{name: "runcshim", pkg: own + "runcshim", sources: []string{"runcshim", "capability"}},
	)
}

func kubernetesPrograms(names ...string) []program {
	major, minor, _ := strings.Cut(strings.TrimPrefix(KubernetesVersion, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	flags := fmt.Sprintf("-X %[1]sgitVersion=%[2]s -X %[1]sgitMajor=%[3]s -X %[1]sgitMinor=%[4]s",
		componentBase, KubernetesVersion, major, minor)
	list := make([]program, len(names))
	for i, name := range names {
		list[i] = program{name: name, module: "kubernetes", pkg: "k8s.io/kubernetes/cmd/" + name, ldflags: flags}
	}
	return list
}

// calicoPrograms all tell their version: calico-node writes it into the cluster, and calicoctl refuses a cluster of
// another.
func calicoPrograms() []program {
	const stamp = "=" + CalicoVersion
	stampMain := "-X main.VERSION" + stamp
	return []program{
		{name: "calico-node", module: "calico", pkg: calico + "node/cmd/calico-node",
			ldflags: "-X " + calico + "node/pkg/lifecycle/startup.VERSION" + stamp +
				" -X " + calico + "node/buildinfo.GitVersion" + stamp},
		{name: "calico-cni", module: "calico", pkg: calico + "cni-plugin/cmd/calico", ldflags: stampMain},
		{name: "calico-cni-install", module: "calico", pkg: calico + "cni-plugin/cmd/install", ldflags: stampMain},
		{name: "kube-controllers", module: "calico", pkg: calico + "kube-controllers/cmd/kube-controllers",
			ldflags: stampMain},
		{name: "check-status", module: "calico", pkg: calico + "kube-controllers/cmd/check-status"},
		{name: "calicoctl", module: "calico", pkg: calico + "calicoctl/calicoctl",
			ldflags: stampMain + " -X " + calico + "calicoctl/calicoctl/commands.VERSION" + stamp +
				" -X " + calico + "calicoctl/calicoctl/commands/common.VERSION" + stamp},
	}
}

func programNamed(name string) (program, error) {
	list := programs()
	i := slices.IndexFunc(list, func(p program) bool { return p.name == name })
	if i < 0 {
		names := make([]string, len(list))
		for i, p := range list {
			names[i] = p.name
		}
		return program{}, fmt.Errorf("no program %q: there are %s", name, strings.Join(names, ", "))
	}
	return list[i], nil
}

// moduleDir is the folder of a go.mod: of modules/NAME, or the checkout's own.
func (l *Lab) moduleDir(module string) string {
	if module == "" {
		return l.Checkout
	}
	return filepath.Join(l.Checkout, "test", "offline", "modules", module)
}

// programKey names all that decides what the program is like, all of which is in the checkout but for the compiler.
func (l *Lab) programKey(p program) (string, error) {
	parts := []string{"program", runtime.Version(), runtime.GOOS, runtime.GOARCH, p.pkg, baseLDFlags, p.ldflags}
	files := []string{filepath.Join(l.moduleDir(p.module), "go.mod"), filepath.Join(l.moduleDir(p.module), "go.sum")}
	if p.module == "" {
		var err error
		if files, err = l.ownSources(p); err != nil {
			return "", err
		}
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("key of %s: %w", p.name, err)
		}
		parts = append(parts, filepath.Base(name), string(data))
	}
	return key(parts...), nil
}

func (l *Lab) ownSources(p program) ([]string, error) {
	var files []string
	for _, folder := range p.sources {
		found, err := filepath.Glob(filepath.Join(l.Checkout, "test", "offline", folder, "*.go"))
		if err != nil {
			return nil, fmt.Errorf("key of %s: %w", p.name, err)
		}
		found = slices.DeleteFunc(found, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("key of %s: no source files in %s", p.name, strings.Join(p.sources, ", "))
	}
	return files, nil
}

func (l *Lab) programArtifact(p program) (artifact, error) {
	k, err := l.programKey(p)
	if err != nil {
		return artifact{}, err
	}
	build := func(ctx context.Context, dir string) error {
		return l.step("compile "+p.name, func(s *progress) error {
			return s.command(ctx, l.Run, l.goCommand(p.module, "build", "-v", "-trimpath", "-buildvcs=false",
				"-ldflags", strings.TrimSpace(baseLDFlags+" "+p.ldflags), "-o", filepath.Join(dir, p.name), p.pkg))
		})
	}
	return artifact{name: "bin/" + p.name, key: k, build: build}, nil
}

// program returns the program's file and builds it where it is missing.
func (l *Lab) program(ctx context.Context, p program) (string, error) {
	a, err := l.programArtifact(p)
	if err != nil {
		return "", err
	}
	dir, err := l.store().ensure(ctx, a)
	return filepath.Join(dir, p.name), err
}

// runtime returns the OCI runtime that drops the capabilities that this machine lacks.
func (l *Lab) runtime(ctx context.Context) (string, error) {
	p, err := programNamed("runcshim")
	if err != nil {
		return "", err
	}
	return l.program(ctx, p)
}

// goCommand runs the go command in a module. The build is static, and what is built is what go.sum says; the user's own
// flags for this project must not change it.
func (l *Lab) goCommand(module string, args ...string) run.Cmd {
	return run.Cmd{Name: "go", Args: args, Dir: l.moduleDir(module),
		Env: []string{"CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off"}}
}

// source returns the folder with the source of a module that the named go.mod requires.
func (l *Lab) source(ctx context.Context, module, path string) (string, error) {
	out, err := l.Run.Run(ctx, l.goCommand(module, "mod", "download", "-json", path))
	if err != nil {
		return "", fmt.Errorf("download %s: %w", path, err)
	}
	var found struct {
		Dir string `json:"Dir"`
	}
	if err := json.Unmarshal(out, &found); err != nil {
		return "", fmt.Errorf("download %s: %w", path, err)
	}
	return found.Dir, nil
}
