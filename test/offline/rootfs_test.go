//go:build unix

package offline

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tarNames returns what is in a tar file, links with their targets.
func tarNames(t *testing.T, name string) []string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var names []string
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Linkname != "" {
			h.Name += " -> " + h.Linkname
		}
		names = append(names, h.Name)
	}
}

func TestSplitUserland(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	for name, content := range map[string]string{
		"etc/passwd": "root", "etc/resolv.conf": "this machine's", "proc/1/stat": "1", "usr/bin/dig": "dig",
		"usr/sbin/runc": "runc", "usr/bin/perl": "perl", "usr/share/doc/runc/copyright": "c", "var/log/nginx/access.log": "",
		"var/lib/dpkg/info/runc.list":              "/.\n/usr\n/usr/sbin\n/sbin/runc\n/usr/share/doc/runc/copyright\n",
		"var/lib/dpkg/info/perl-base.list":         "/usr/bin\n/usr/bin/perl\n/usr/bin/perl5\n",
		"var/lib/dpkg/info/bind9-dnsutils.list":    "/usr/bin/dig\n",
		"var/lib/dpkg/info/libperl5.40:amd64.list": "/usr/lib/never-installed\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(os.Symlink("usr/bin", filepath.Join(root, "bin")),
		os.Link(filepath.Join(root, "usr/bin/perl"), filepath.Join(root, "usr/bin/perl5")))
	if err != nil {
		t.Fatal(err)
	}
	if err := splitUserland(root, dir); err != nil {
		t.Fatal(err)
	}
	wantPods := []string{
		"bin -> usr/bin", "etc/", "etc/passwd", "proc/", "usr/", "usr/bin/", "usr/bin/dig", "usr/sbin/", "usr/share/",
		"usr/share/doc/", "var/", "var/lib/", "var/lib/dpkg/", "var/lib/dpkg/info/", "var/lib/dpkg/info/bind9-dnsutils.list",
		"var/lib/dpkg/info/libperl5.40:amd64.list", "var/lib/dpkg/info/perl-base.list", "var/lib/dpkg/info/runc.list",
		"var/log/", "var/log/nginx/", "var/log/nginx/access.log",
	}
	if diff := cmp.Diff(wantPods, tarNames(t, filepath.Join(dir, podLayer))); diff != "" {
		t.Errorf("pods (-want +got)\n%s", diff)
	}
	wantNodes := []string{
		"etc/", "proc/", "usr/", "usr/bin/", "usr/bin/perl", "usr/bin/perl5 -> usr/bin/perl", "usr/sbin/", "usr/sbin/runc",
		"usr/share/", "usr/share/doc/", "var/", "var/lib/", "var/lib/dpkg/", "var/lib/dpkg/info/", "var/log/", "var/log/nginx/",
	}
	if diff := cmp.Diff(wantNodes, tarNames(t, filepath.Join(dir, nodeLayer))); diff != "" {
		t.Errorf("nodes (-want +got)\n%s", diff)
	}
}
