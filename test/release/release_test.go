//go:build release

// Package release tests what "make dist" made as those will meet it who install it: the archives, their checksums and
// bills of materials, and krew's manifest, with the real krew. "make test-release" runs it.
package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const root = "../.."

// platforms are those that a release is made for.
var platforms = []string{"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64"}

// dist returns the files of the release in the checkout, and its version.
func dist(t *testing.T) (dir, version string) {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(root, "dist"))
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "metadata.json"))
	if err != nil {
		t.Fatalf("%v: run \"make dist\" first", err)
	}
	var metadata struct{ Version string }
	if err := json.Unmarshal(content, &metadata); err != nil {
		t.Fatal(err)
	}
	return dir, "v" + metadata.Version
}

func archiveName(version, platform string) string {
	suffix := ".tar.gz"
	if strings.HasPrefix(platform, "windows") {
		suffix = ".zip"
	}
	return "kubectl-dualstack_" + version + "_" + platform + suffix
}

// entry is a file in an archive.
type entry struct {
	mode    os.FileMode
	owner   string
	time    time.Time
	content []byte
}

// TestArchives lists what is in each archive: no more, no less, and nothing of the machine that made it.
func TestArchives(t *testing.T) {
	dir, version := dist(t)
	commit, err := time.Parse(time.RFC3339, strings.TrimSpace(command(t, nil, "git", "log", "-1", "--format=%cI")))
	if err != nil {
		t.Fatal(err)
	}
	for _, platform := range platforms {
		t.Run(platform, func(t *testing.T) {
			binary, modes := "kubectl-dualstack", map[string]os.FileMode{"LICENSE": 0o644, "THIRD_PARTY_LICENSES.md": 0o644, "kubectl_complete-dualstack": 0o755}
			if strings.HasPrefix(platform, "windows") {
				binary = "kubectl-dualstack.exe"
			}
			modes[binary] = 0o755
			entries := readArchive(t, filepath.Join(dir, archiveName(version, platform)))
			for name, e := range entries {
				if mode, ok := modes[name]; !ok || e.mode != mode {
					t.Errorf("%s has mode %o; in the archive belong %v", name, e.mode, modes)
				}
				if !e.time.Equal(commit) {
					t.Errorf("%s is of %s, the commit of %s", name, e.time, commit)
				}
				if e.owner != "root:root" && e.owner != "" {
					t.Errorf("%s is %s's", name, e.owner)
				}
			}
			if len(entries) != len(modes) {
				t.Errorf("%d files, want %d", len(entries), len(modes))
			}
			for _, name := range []string{"LICENSE", "THIRD_PARTY_LICENSES.md"} {
				if !bytes.Equal(entries[name].content, read(t, filepath.Join(root, name))) {
					t.Errorf("%s is another one", name)
				}
			}
			if here, err := filepath.Abs(root); err != nil || bytes.Contains(entries[binary].content, []byte(here)) {
				t.Errorf("the binary names the folder that it was built in, %s (%v)", here, err)
			}
		})
	}
}

// TestSums holds the checksums against the archives and the bills of materials.
func TestSums(t *testing.T) {
	dir, version := dist(t)
	sums, err := os.ReadFile(filepath.Join(dir, "checksums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, platform := range platforms {
		for _, name := range []string{archiveName(version, platform), "kubectl-dualstack_" + version + "_" + platform + ".cdx.json"} {
			want = append(want, fmt.Sprintf("%x  %s", sha256.Sum256(read(t, filepath.Join(dir, name))), name))
		}
	}
	slices.Sort(want)
	got := strings.Split(strings.TrimSpace(string(sums)), "\n")
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("checksums.txt holds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestBills looks into the bills of materials for what the program is made of.
func TestBills(t *testing.T) {
	dir, version := dist(t)
	for _, platform := range platforms {
		var bill struct {
			BOMFormat string
			Metadata  struct {
				Component struct{ Name, Version string }
			}
			Components []struct{ Name, Version string }
		}
		if err := json.Unmarshal(read(t, filepath.Join(dir, "kubectl-dualstack_"+version+"_"+platform+".cdx.json")), &bill); err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, c := range bill.Components {
			names[c.Name] = true
		}
		main := bill.Metadata.Component
		if bill.BOMFormat != "CycloneDX" || main.Version != version || !names["k8s.io/client-go"] || !names["sigs.k8s.io/kind"] || !names["std"] {
			t.Errorf("%s: %s of %s %s, with %d components", platform, bill.BOMFormat, main.Name, main.Version, len(names))
		}
	}
}

// TestVersion runs the binary of this platform.
func TestVersion(t *testing.T) {
	dir, version := dist(t)
	binary := readArchive(t, filepath.Join(dir, archiveName(version, runtime.GOOS+"_"+runtime.GOARCH)))["kubectl-dualstack"]
	path := filepath.Join(t.TempDir(), "kubectl-dualstack")
	if err := os.WriteFile(path, binary.content, 0o755); err != nil {
		t.Fatal(err)
	}
	var info struct{ Version, Commit, Date string }
	if err := json.Unmarshal([]byte(command(t, nil, path, "version", "-o", "json")), &info); err != nil {
		t.Fatal(err)
	}
	head := strings.TrimSpace(command(t, nil, "git", "rev-parse", "HEAD"))
	if _, err := time.Parse(time.RFC3339, info.Date); err != nil || info.Version != version || info.Commit != head {
		t.Errorf("got %+v (%v), want version %s of commit %s", info, err, version, head)
	}
}

// TestReproducible builds the commit again in another folder, and compares all that would be published.
func TestReproducible(t *testing.T) {
	dir, _ := dist(t)
	if changes := command(t, nil, "git", "status", "--porcelain"); changes != "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("this is no clean clone:\n%s", changes)
		}
		t.Skipf("what is not committed cannot be built again:\n%s", changes)
	}
	top := strings.TrimSpace(command(t, nil, "git", "rev-parse", "--show-toplevel"))
	clone := filepath.Join(t.TempDir(), "clone")
	command(t, nil, "git", "clone", "-q", top, clone)
	command(t, nil, "make", "-C", clone, "dist")
	published := regexp.MustCompile(`\.(tar\.gz|zip|cdx\.json|txt)$`)
	var compared int
	for _, name := range append(names(t, dir), filepath.Join("krew", "dualstack.yaml")) {
		if name != filepath.Join("krew", "dualstack.yaml") && !published.MatchString(name) {
			continue
		}
		compared++
		if !bytes.Equal(read(t, filepath.Join(dir, name)), read(t, filepath.Join(clone, "dist", name))) {
			t.Errorf("%s: two builds of one commit differ", name)
		}
	}
	if want := 2*len(platforms) + 2; compared != want {
		t.Errorf("%d files compared, want %d", compared, want)
	}
}

// readArchive returns the files of an archive.
func readArchive(t *testing.T, path string) map[string]entry {
	t.Helper()
	if strings.HasSuffix(path, ".zip") {
		return readZip(t, path)
	}
	entries := map[string]entry{}
	unzipped, err := gzip.NewReader(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(unzipped); ; {
		header, err := r.Next()
		if err == io.EOF {
			return entries
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		entries[header.Name] = entry{
			mode: header.FileInfo().Mode(), owner: header.Uname + ":" + header.Gname, time: header.ModTime, content: content,
		}
	}
}

func readZip(t *testing.T, path string) map[string]entry {
	t.Helper()
	entries := map[string]entry{}
	r, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	for _, f := range r.File {
		opened, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(opened)
		if err != nil {
			t.Fatal(err)
		}
		entries[f.Name] = entry{mode: f.Mode(), time: f.Modified, content: content}
	}
	return entries
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// command runs a program with more environment; it must succeed. It returns what is printed.
func command(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, errOut.Bytes())
	}
	return string(out)
}
