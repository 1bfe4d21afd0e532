//go:build release

package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// nextVersion is what is upgraded to. It is newer than any snapshot.
const nextVersion = "v999.0.0"

// installation is a folder of krew's, and the commands that work on it.
type installation struct {
	t   *testing.T
	env []string
}

// newInstallation builds krew and its validator, and gives kubectl both. The folder with kubectl is named by
// DUALSTACK_TEST_BIN. Krew's own commands go to this machine only: there is no default index, and no look for a newer
// krew.
func newInstallation(t *testing.T) *installation {
	t.Helper()
	kubectl := os.Getenv("DUALSTACK_TEST_BIN")
	if _, err := os.Stat(filepath.Join(kubectl, "kubectl")); err != nil {
		t.Fatalf("DUALSTACK_TEST_BIN must name a folder with kubectl: %v", err)
	}
	dir := t.TempDir()
	bin, krew := filepath.Join(dir, "bin"), filepath.Join(dir, "krew")
	modfile := "-modfile=" + filepath.Join(root, "tools", "krew", "go.mod")
	for program, pkg := range map[string]string{"kubectl-krew": "krew", "validate-krew-manifest": "validate-krew-manifest"} {
		command(t, nil, "go", "build", modfile, "-o", filepath.Join(bin, program), "sigs.k8s.io/krew/cmd/"+pkg)
	}
	path := strings.Join([]string{filepath.Join(krew, "bin"), bin, kubectl, os.Getenv("PATH")}, string(os.PathListSeparator))
	t.Setenv("PATH", path) // programs are looked up by it
	return &installation{t: t, env: []string{
		"KREW_ROOT=" + krew, "KREW_NO_UPGRADE_CHECK=1", "HOME=" + dir, "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.test", "GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@example.test",
	}}
}

func (i *installation) run(name string, args ...string) string {
	i.t.Helper()
	return command(i.t, i.env, name, args...)
}

// installed says which version kubectl runs, and fails where it is another one.
func (i *installation) installed(version string) {
	i.t.Helper()
	if out := i.run("kubectl", "dualstack", "version"); !strings.HasPrefix(out, "kubectl-dualstack "+version+" ") {
		i.t.Errorf("kubectl dualstack version: %s, want %s", out, version)
	}
}

// absent fails where kubectl still finds the plugin.
func (i *installation) absent() {
	i.t.Helper()
	if out := i.run("kubectl", "plugin", "list", "--name-only"); strings.Contains(out, "dualstack") {
		i.t.Errorf("the plugin is still there after its removal:\n%s", out)
	}
}

// TestKrewManifest has krew's validator install the plugin on every platform, from archives that this test serves.
func TestKrewManifest(t *testing.T) {
	dir, _ := dist(t)
	i := newInstallation(t)
	manifest := filepath.Join(dir, "krew", "dualstack.yaml")
	i.run("validate-krew-manifest", "-manifest", manifest, "-skip-install")
	served := filepath.Join(t.TempDir(), "dualstack.yaml")
	write(t, served, servedFrom(serve(t, dir), read(t, manifest)))
	i.run("validate-krew-manifest", "-manifest", served)
}

// TestKrewArchive installs the manifest and the archive of this platform as they are, and removes the plugin again.
func TestKrewArchive(t *testing.T) {
	dir, version := dist(t)
	i := newInstallation(t)
	i.run("kubectl", "krew", "install", "--manifest", filepath.Join(dir, "krew", "dualstack.yaml"),
		"--archive", filepath.Join(dir, archiveName(version, runtime.GOOS+"_"+runtime.GOARCH)))
	i.installed(version)
	// Krew will not remove anything before it has an index.
	i.run("kubectl", "krew", "index", "add", "ours", index(t, i, read(t, filepath.Join(dir, "krew", "dualstack.yaml"))))
	i.run("kubectl", "krew", "uninstall", "dualstack")
	i.absent()
}

// TestKrewIndex goes through the plugin's life as a user of krew sees it: an index, install, complete, upgrade, remove.
func TestKrewIndex(t *testing.T) {
	dir, version := dist(t)
	i := newInstallation(t)
	next := t.TempDir()
	url, nextURL := serve(t, dir), serve(t, next)
	manifest := read(t, filepath.Join(dir, "krew", "dualstack.yaml"))
	repository := index(t, i, servedFrom(url, manifest))

	i.run("kubectl", "krew", "index", "add", "ours", repository)
	i.run("kubectl", "krew", "install", "ours/dualstack")
	i.installed(version)
	i.completes()

	name := archiveName(version, runtime.GOOS+"_"+runtime.GOARCH)
	nextName := strings.ReplaceAll(name, version, nextVersion)
	before, after := sum(t, filepath.Join(dir, name)), makeNext(t, filepath.Join(dir, name), filepath.Join(next, nextName))
	upgraded := strings.ReplaceAll(string(servedFrom(nextURL, manifest)), version, nextVersion)
	if strings.Count(upgraded, before) != 1 {
		t.Fatalf("%s is not once in the manifest:\n%s", before, upgraded)
	}
	write(t, filepath.Join(repository, "plugins", "dualstack.yaml"), []byte(strings.ReplaceAll(upgraded, before, after)))
	i.run("git", "-C", repository, "commit", "-q", "-a", "-m", "next")
	i.run("kubectl", "krew", "upgrade", "dualstack")
	i.installed(nextVersion)
	i.completes() // the link of before is still right

	i.run("kubectl", "krew", "uninstall", "dualstack")
	i.absent()
}

// completes runs the link that the caveats tell users to make, as kubectl does on TAB.
func (i *installation) completes() {
	i.t.Helper()
	i.run("sh", "-c", `ln -sf kubectl-dualstack "${KREW_ROOT:-$HOME/.krew}/bin/kubectl_complete-dualstack"`)
	if out := i.run("kubectl", "__complete", "dualstack", "serv"); !strings.HasPrefix(out, "services") {
		i.t.Errorf("kubectl completes with\n%s", out)
	}
}

// serve serves the files of a folder and returns where.
func serve(t *testing.T, dir string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	return server.URL
}

// servedFrom makes the manifest's archives come from another server than the release's.
func servedFrom(url string, manifest []byte) []byte {
	return regexp.MustCompile(`uri: https://\S+/`).ReplaceAll(manifest, []byte("uri: "+url+"/"))
}

// index makes an index of one plugin and returns its folder, which is a git repository.
func index(t *testing.T, i *installation, manifest []byte) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "plugins", "dualstack.yaml"), manifest)
	i.run("git", "-C", dir, "init", "-q")
	i.run("git", "-C", dir, "add", "-A")
	i.run("git", "-C", dir, "commit", "-q", "-m", "first")
	return dir
}

// makeNext makes the next version's archive out of this one's, with a binary that says so, and returns its checksum.
func makeNext(t *testing.T, path, next string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "kubectl-dualstack")
	command(t, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-o", binary, "-ldflags",
		"-s -w -X github.com/kubectl-dualstack/kubectl-dualstack/internal/version.version="+nextVersion, root+"/cmd/kubectl-dualstack")
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	w := tar.NewWriter(zipped)
	for name, e := range readArchive(t, path) {
		if name == "kubectl-dualstack" {
			e.content = read(t, binary)
		}
		header := &tar.Header{Name: name, Mode: int64(e.mode.Perm()), Size: int64(len(e.content)), ModTime: time.Unix(0, 0)}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, next, archive.Bytes())
	return sum(t, next)
}

func sum(t *testing.T, path string) string {
	t.Helper()
	return fmt.Sprintf("%x", sha256.Sum256(read(t, path)))
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
