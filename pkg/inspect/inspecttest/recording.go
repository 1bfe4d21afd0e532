package inspecttest

import (
	"bytes"
	"embed"
	"io/fs"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile/demo"
)

//go:embed testdata/*.snapshot
var recordings embed.FS

const (
	recordingFolder = "testdata"
	recordingSuffix = ".snapshot"
	demoName        = "v3.28.5-manifest" // the demo is the recording of this lab
)

// Recordings names the recordings of healthy labs of three nodes with real Calico: VERSION-INSTALLATION, with "-bgp" where
// BIRD runs beside VXLAN, as it does by the operator's default. Those by the operator lack the facts of later versions of
// the Snapshot, so that rules about them are not checked there.
func Recordings(t testing.TB) []string {
	t.Helper()
	files, err := fs.ReadDir(recordings, recordingFolder)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{demoName}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), recordingSuffix))
	}
	return names
}

// Recording returns one of Recordings. Each call reads it again, so the caller may change it.
func Recording(t testing.TB, name string) *inspect.Snapshot {
	t.Helper()
	read := demo.Snapshot
	if name != demoName {
		read = func() (*inspect.Snapshot, error) {
			file, err := recordings.ReadFile(recordingFolder + "/" + name + recordingSuffix)
			if err != nil {
				return nil, err
			}
			return snapfile.Read(bytes.NewReader(file))
		}
	}
	s, err := read()
	if err != nil {
		t.Fatalf("recording %s: %v", name, err)
	}
	return s
}
