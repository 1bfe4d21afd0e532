package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type member struct {
	header *tar.Header
	data   []byte
}

func read(t *testing.T, r io.Reader) (names []string, members map[string]member) {
	t.Helper()
	members = map[string]member{}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return names, members
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		members[h.Name] = member{h, data}
	}
}

func TestFiles(t *testing.T) {
	source := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(source, []byte("machine code"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		entries []Entry
		want    []string
	}{
		{"nothing", nil, nil},
		{"parents come first, once, and open to all",
			[]Entry{{Path: "/opt/cni/bin/a", Mode: 0o755, Source: source}, {Path: "/opt/cni/b", Mode: 0o644, Data: []byte("x")}},
			[]string{"opt/ 755", "opt/cni/ 755", "opt/cni/bin/ 755", "opt/cni/bin/a 755 machine code", "opt/cni/b 644 x"}},
		{"tmp and root keep the modes they have everywhere",
			[]Entry{{Path: "/tmp/a", Mode: 0o600}, {Path: "/root" + "/a", Mode: 0o600}},
			[]string{"tmp/ 1777", "tmp/a 600 ", "root/ 700", "root/a 600 "}},
		{"a folder that an entry names is not made up",
			[]Entry{{Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777}, {Path: "/tmp/x", Mode: 0o600}},
			[]string{"tmp/ 1777", "tmp/x 600 "}},
		{"of two with one path the later one counts",
			[]Entry{{Path: "/etc/a", Data: []byte("old")}, {Path: "/etc/b"}, {Path: "/etc/a", Mode: 0o644, Data: []byte("new")}},
			[]string{"etc/ 755", "etc/a 644 new", "etc/b 0 "}},
		{"never hide the links of a merged /usr",
			[]Entry{{Path: "/bin/calico-node", Mode: 0o755, Data: []byte("x")}, {Path: "/sbin/init", Symlink: "../lib/systemd/systemd"}},
			[]string{"usr/ 755", "usr/bin/ 755", "usr/bin/calico-node 755 x", "usr/sbin/ 755", "usr/sbin/init -> ../lib/systemd/systemd"}},
		{"hard link", []Entry{{Path: "/bin/a", Mode: 0o755, Data: []byte("x")}, {Path: "/bin/b", Hardlink: "/bin/a"}},
			[]string{"usr/ 755", "usr/bin/ 755", "usr/bin/a 755 x", "usr/bin/b 755 == usr/bin/a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := NewFiles(tt.entries).WriteTar(&b); err != nil {
				t.Fatal(err)
			}
			var got []string
			names, members := read(t, &b)
			for _, n := range names {
				got = append(got, describe(members[n]))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func describe(m member) string {
	switch m.header.Typeflag {
	case tar.TypeDir:
		return fmt.Sprintf("%s %o", m.header.Name, m.header.Mode)
	case tar.TypeSymlink:
		return m.header.Name + " -> " + m.header.Linkname
	case tar.TypeLink:
		return fmt.Sprintf("%s %o == %s", m.header.Name, m.header.Mode, m.header.Linkname)
	default:
		return fmt.Sprintf("%s %o %s", m.header.Name, m.header.Mode, m.data)
	}
}

func TestWrite(t *testing.T) {
	base := NewFiles([]Entry{{Path: "/etc/os", Mode: 0o644, Data: []byte("debian")}})
	same := NewFiles([]Entry{{Path: "/etc/os", Mode: 0o644, Data: []byte("debian")}})
	top := NewFiles([]Entry{{Path: "/app", Mode: 0o755, Data: []byte("app")}})
	images := []Image{
		{Name: "a:1", Layers: []Layer{base}, Config: Config{Labels: map[string]string{"key": "1"}}},
		{Name: "b:1", Layers: []Layer{base, top}, Config: Config{Entrypoint: []string{"/app"}}},
		{Name: "c:1", Layers: []Layer{same, top}, Config: Config{StopSignal: "SIGTERM"}},
	}
	var first, second bytes.Buffer
	if err := errors.Join(Write(&first, images...), Write(&second, images...)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two archives of the same images differ")
	}
	names, members := read(t, &first)
	layers := 0
	for _, n := range names {
		if strings.HasSuffix(n, "/layer.tar") {
			layers++
		}
	}
	if layers != 2 {
		t.Errorf("%d layers in the archive, want the 2 distinct ones: %q", layers, names)
	}
	var manifest []manifestEntry
	if err := json.Unmarshal(members["manifest.json"].data, &manifest); err != nil {
		t.Fatal(err)
	}
	for i, m := range manifest {
		checkImage(t, images[i], m, members)
	}
}

func checkImage(t *testing.T, img Image, m manifestEntry, members map[string]member) {
	t.Helper()
	if diff := cmp.Diff([]string{img.Name}, m.RepoTags); diff != "" {
		t.Errorf("tags (-want +got)\n%s", diff)
	}
	config := members[m.Config].data
	if sum := sha256.Sum256(config); hex.EncodeToString(sum[:])+".json" != m.Config {
		t.Errorf("%s: configuration %s is not named after its digest", img.Name, m.Config)
	}
	var file imageFile
	if err := json.Unmarshal(config, &file); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(img.Config, file.Config); diff != "" {
		t.Errorf("%s: configuration (-want +got)\n%s", img.Name, diff)
	}
	if len(m.Layers) != len(img.Layers) || len(file.RootFS.DiffIDs) != len(img.Layers) {
		t.Fatalf("%s: layers %q, diff IDs %q, want %d", img.Name, m.Layers, file.RootFS.DiffIDs, len(img.Layers))
	}
	for i, name := range m.Layers {
		if sum := sha256.Sum256(members[name].data); "sha256:"+hex.EncodeToString(sum[:]) != file.RootFS.DiffIDs[i] {
			t.Errorf("%s: layer %d is not the one that its diff ID says", img.Name, i)
		}
	}
}

func TestWriteMissingSource(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, layer := range []Layer{TarFile(missing), NewFiles([]Entry{{Path: "/a", Source: missing}})} {
		err := Write(io.Discard, Image{Name: "x:1", Layers: []Layer{layer}})
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "x:1") {
			t.Errorf("%T: error %v, want one that names the image and says that the file does not exist", layer, err)
		}
	}
}
