package offline

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/archive"
)

// inspect is what "docker image inspect" prints of images with these keys.
func inspect(t *testing.T, keys map[string]string) string {
	t.Helper()
	type config struct {
		Labels map[string]string `json:"Labels"`
	}
	type found struct {
		RepoTags []string `json:"RepoTags"`
		Config   config   `json:"Config"`
	}
	list := []found{}
	for name, k := range keys {
		list = append(list, found{[]string{name}, config{map[string]string{keyLabel: k}}})
	}
	out, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestMissingImages(t *testing.T) {
	all := func(l *Lab) map[string]string {
		keys := map[string]string{}
		for name, k := range allKeys(t, l) {
			if strings.Contains(name, ":") {
				keys[name] = k
			}
		}
		return keys
	}
	tests := []struct {
		name string
		have func(keys map[string]string)
		pods int
		node bool
	}{
		{"all there", func(map[string]string) {}, 0, false},
		{"node image of another key", func(k map[string]string) { k[NodeImage] = "old" }, 0, true},
		{"one is somebody else's", func(k map[string]string) { k[MultitoolImage] = "" }, 1, false},
		{"two gone", func(k map[string]string) { delete(k, StaticImage); delete(k, MultitoolImage) }, 2, false},
		{"an empty Docker", func(k map[string]string) { clear(k) }, len(podImages()) + len(hostImages()), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fake := &run.Fake{}
			l, _ := newLab(t, fake)
			have := all(l)
			tt.have(have)
			var err error
			if len(have) < len(podImages())+1 { // Docker then says of each that it is not there, after the others
				err = &run.Error{Cmd: run.Cmd{Name: "docker"}, Code: 1, Stderr: "Error: No such image"}
			}
			fake.Answer("docker image inspect", inspect(t, have), err)
			m, err := l.missingImages(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(m.images) != tt.pods || (m.node != "") != tt.node {
				t.Errorf("missing: %d images, node image %q; want %d, %t", len(m.images), m.node, tt.pods, tt.node)
			}
		})
	}
}

func TestMissingImagesWithoutDocker(t *testing.T) {
	fake := &run.Fake{}
	fake.Fail("docker image inspect", 1, "Cannot connect to the Docker daemon")
	l, _ := newLab(t, fake)
	if _, err := l.missingImages(t.Context()); err == nil || !strings.Contains(err.Error(), "Cannot connect") {
		t.Errorf("error %v, want what Docker said", err)
	}
}

func TestImagesWithNothingToDo(t *testing.T) {
	fake := &run.Fake{}
	l, out := newLab(t, fake)
	source := t.TempDir()
	if err := os.MkdirAll(filepath.Join(source, "manifests"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, "manifests", "calico-vxlan.yaml"), []byte("a: 1\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	fake.Answer("go mod download -json "+calicoModule, `{"Dir": "`+source+`"}`, nil)
	fake.Answer("docker image inspect", inspect(t, allKeys(t, l)), nil)
	if err := l.Images(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "nothing to be done") {
		t.Errorf("printed %q", out)
	}
	env, err := l.Env()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(env.CalicoManifests, "calico-vxlan.yaml")); err != nil {
		t.Errorf("manifests: %v", err)
	}
}

func TestStream(t *testing.T) {
	good := archive.Image{Name: "a:1", Layers: []archive.Layer{archive.NewFiles([]archive.Entry{{Path: "/a", Data: []byte("x")}})}}
	bad := archive.Image{Name: "b:1", Layers: []archive.Layer{archive.TarFile(filepath.Join(t.TempDir(), "missing"))}}
	boom := errors.New("boom")
	tests := []struct {
		name  string
		image archive.Image
		use   func(io.Reader) error
		want  error
	}{
		{"read to the end", good, func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }, nil},
		{"a reader that gives up", good, func(io.Reader) error { return boom }, boom},
		{"what cannot be written", bad, func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }, os.ErrNotExist},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := stream([]archive.Image{tt.image}, tt.use); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}
