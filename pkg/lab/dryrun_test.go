package lab

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/labtest"
)

// offline is a client that must not be used.
func offline(t *testing.T) *http.Client {
	t.Helper()
	return &http.Client{Transport: refuse{t}}
}

type refuse struct{ t *testing.T }

func (r refuse) RoundTrip(req *http.Request) (*http.Response, error) {
	r.t.Errorf("%s was asked for", req.URL)
	return nil, http.ErrUseLastResponse
}

// TestDryRun holds what would be created of each release, by both installers, from a folder with that release's file names.
func TestDryRun(t *testing.T) {
	for _, r := range labtest.Releases() {
		for _, install := range []string{InstallOperator, InstallManifest} {
			t.Run(r.Version+"/"+install, func(t *testing.T) {
				o := options(t)
				o.Switch, o.CalicoInstall, o.CalicoVersion, o.CalicoManifests = SwitchAuto, install, r.Version, r.Folder(t)
				o.NodeImage = NodeImage(r.Version)
				got, err := DryRun(t.Context(), offline(t), o)
				if err != nil {
					t.Fatal(err)
				}
				got = strings.ReplaceAll(got, o.CalicoManifests, "manifests")
				head, files, _ := strings.Cut(got, "\n# lab.yaml:")
				_, text, _ := strings.Cut(files, "\n# calico.yaml:")
				text, _, found := strings.Cut(text, "\n# tools.yaml:")
				if !found || !strings.Contains(files, "interface Loopback0") || !strings.Contains(files, "\n# kind.yaml: the cluster, of "+o.NodeImage) {
					t.Errorf("a file is missing:\n%s", files)
				}
				testutil.Golden(t, "dryrun-"+r.Version+"-"+install+".txt", []byte(head+"\n# calico.yaml:"+text+"\n"))
			})
		}
	}
}

// TestDryRunRefusesWhatCreateRefuses: each in one clear line.
func TestDryRunRefusesWhatCreateRefuses(t *testing.T) {
	empty := t.TempDir()
	tests := []struct {
		name   string
		change func(o *CreateOptions, dir string)
		want   []string // parts of the message
	}{
		{"no such folder", func(o *CreateOptions, _ string) { o.CalicoManifests = filepath.Join(empty, "none") }, []string{"none: no such folder"}},
		{"a folder of something else", func(o *CreateOptions, _ string) { o.CalicoManifests = empty }, []string{
			"does not look like the folder \"manifests\" of a release of Calico", "no such file"}},
		{"no definitions", func(o *CreateOptions, dir string) {
			o.CalicoInstall = InstallOperator
			for _, name := range definitionFiles("") {
				_ = os.Remove(filepath.Join(dir, name)) // which the folder may not have
			}
		}, []string{"does not look like", "tigera-operator.yaml does not define", "neither operator-crds.yaml nor"}},
		{"no version", func(o *CreateOptions, _ string) { o.CalicoVersion = "3.32" }, []string{`calico version "3.32": give one as v3.32.1`}},
		{"another version, by manifest", func(o *CreateOptions, _ string) { o.CalicoVersion = "v3.31.0" }, []string{"v3.31.0 was asked for", "installs v3.32.1"}},
		{"another version, by operator", func(o *CreateOptions, _ string) { o.CalicoInstall, o.CalicoVersion = InstallOperator, "v3.31.0" },
			[]string{"v3.31.0 was asked for", "installs v3.32.1"}},
		{"no such archive", func(o *CreateOptions, _ string) { o.ImageArchives = []string{filepath.Join(empty, "a.tar")} }, []string{"image archive", "a.tar"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t)
			o.CalicoManifests = labtest.Find(t, "v3.32.1").Folder(t)
			tt.change(&o, o.CalicoManifests)
			got, err := DryRun(t.Context(), offline(t), o)
			if err == nil || got != "" || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, and %q", err, got)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want %q in it", err, want)
				}
			}
		})
	}
}

// TestExportedManifests: the files that the page of an export creates exist, none twice over, and work from the export's folder.
func TestExportedManifests(t *testing.T) {
	want := map[string][]string{
		"v3.28.5": {"tigera-operator.yaml"}, "v3.30.7": {"operator-crds.yaml", "tigera-operator.yaml"},
		"v3.31.7": {"operator-crds.yaml", "tigera-operator.yaml"}, "v3.32.1": {"operator-crds.yaml", "tigera-operator.yaml"},
		"v3.33.0": {"v3_projectcalico_org.yaml", "tigera-operator.yaml"},
	}
	for _, r := range labtest.Releases() {
		m := &Manager{HTTP: offline(t)}
		o := options(t)
		o.CalicoInstall = InstallOperator
		for _, folder := range []string{"", r.Folder(t)} {
			o.CalicoManifests, o.CalicoVersion = folder, r.Version
			got, err := m.operatorManifests(t.Context(), o)
			if err != nil || len(got) != len(want[r.Version]) {
				t.Fatalf("%s from %q: %q, %v", r.Version, folder, got, err)
			}
			for i, file := range got {
				if filepath.Base(file) != want[r.Version][i] || !strings.HasPrefix(file, "https://") && !filepath.IsAbs(file) {
					t.Errorf("%s from %q: %s is number %d, want %s", r.Version, folder, file, i, want[r.Version][i])
				}
			}
		}
	}
	if _, err := (&Manager{}).operatorManifests(t.Context(), CreateOptions{CalicoVersion: "3.30"}); err == nil {
		t.Error("no error for what is no version")
	}
	dir := labtest.Find(t, "v3.28.5").Folder(t)
	t.Chdir(filepath.Dir(dir))
	o := options(t)
	o.CalicoInstall, o.CalicoManifests = InstallOperator, filepath.Base(dir)
	got, err := (&Manager{HTTP: offline(t)}).operatorManifests(t.Context(), o)
	if err != nil || got[0] != filepath.Join(dir, "tigera-operator.yaml") {
		t.Errorf("a relative folder: %q, %v", got, err)
	}
}

// TestRecordHasTheVersionThatWasInstalled, also where a folder decides on it.
func TestRecordHasTheVersionThatWasInstalled(t *testing.T) {
	for _, install := range []string{InstallOperator, InstallManifest} {
		_, m := host(t)
		o := options(t)
		o.CalicoInstall, o.CalicoManifests = install, labtest.Find(t, "v3.31.7").Folder(t)
		c, err := m.prepare(t.Context(), o, nil)
		if err != nil || c.record.CalicoVersion != "v3.31.7" {
			t.Errorf("%s: %v, %+v", install, err, c)
		}
	}
}
