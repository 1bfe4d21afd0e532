package snapfile_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

// BenchmarkRead reads a cluster of a thousand nodes: two million forwarding entries, as many neighbours and as many
// routes. It reports the size of the file.
func BenchmarkRead(b *testing.B) {
	file := written(b, inspecttest.Synthetic(1000))
	runtime.GC()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := snapfile.Read(bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(file))/(1<<20), "MiB-file")
}

func BenchmarkWrite(b *testing.B) {
	s := inspecttest.Synthetic(1000)
	for b.Loop() {
		if err := snapfile.Write(io.Discard, s); err != nil {
			b.Fatal(err)
		}
	}
}
