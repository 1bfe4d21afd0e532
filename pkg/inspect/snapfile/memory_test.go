package snapfile_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

// goal is what a file of less than 64 MiB may take, in bytes.
const goal = 512 << 20

// hostile are the beginnings of files that repeat a part for ever: each is small, and would be large in memory.
func hostile() map[string][3]string {
	const head = `{"apiVersion":"dualstack/v1alpha1","kind":"Snapshot"}` + "\n"
	const node = head + "{}\n" + `{"node":"n"`
	return map[string][3]string{
		"zeros for nodes":      {head + `{"nodes":[0`, ",0", "]}\n"},
		"nulls for nodes":      {head + `{"nodes":[null`, ",null", "]}\n"},
		"empty pods":           {head + `{"pods":[{"name":"a"}`, ",{}", "]}\n"},
		"small pods":           {head + `{"pods":[{"name":"a"}`, `,{"name":"a"}`, "]}\n"},
		"small reasons":        {head + `{"missing":[{"fact":"a"}`, `,{"fact":"a"}`, "]}\n"},
		"small facts":          {head + `{"gathered":["a"`, `,"a"`, "]}\n"},
		"small blocks":         {head + `{"ipamBlocks":[{"node":"a"}`, `,{"node":"a"}`, "]}\n"},
		"endpoints of a slice": {head + `{"endpointSlices":[{"name":"a","endpoints":[{}`, ",{}", "]}]}\n"},
		"zeros for endpoints":  {head + `{"endpointSlices":[{"name":"a","endpoints":[0`, ",0", "]}]}\n"},
		"slices of endpoints":  {head + `{"endpointSlices":[{"name":"a"}`, `,{"name":"a","endpoints":[` + strings.Repeat("{},", 999) + "{}]}", "]}\n"},
		"labels of a pod":      {head + `{"pods":[{"labels":{"a":""`, `,"%d":""`, "}}]}\n"},
		"the same label":       {head + `{"pods":[{"labels":{"a":""`, `,"a":""`, "}}]}\n"},
		"Felix settings":       {head + `{"calico":{"felix":{"a":{}`, `,"%d":{"vxlanVNI":1,"vxlanPort":1}`, "}}}\n"},
		"tables in the body":   {head + `{"tables":{"a":{}`, `,"%d":{}`, "}}\n"},
		"a key again":          {head + `{"pods":[{"name":"a"}]`, `,"pods":[{"name":"a"}]`, "}\n"},
		"an unknown key":       {head + `{"x":[0`, ",0", "]}\n"},
		"unknown keys":         {head + `{"x":0`, `,"%d":0`, "}\n"},
		"nested lists":         {head + `{"x":[`, "[", "\n"},
		"nested objects":       {head + `{"x":`, `{"a":`, "\n"},
		"a long name":          {head + `{"pods":[{"name":"`, "aaaaaaaaaaaaaaaa", "\"}]}\n"},
		"a long key":           {head + `{"`, "aaaaaaaaaaaaaaaa", "\":0}\n"},
		"long names":           {head + `{"pods":[{"name":"a"}`, `,{"name":"` + strings.Repeat("a", 1<<16) + `"}`, "]}\n"},
		"long zones":           {head + `{"nodes":[{"name":"a"}`, `,{"internalIPs":["fe80::1` + "%%%d" + strings.Repeat("a", 1<<16) + `"]}`, "]}\n"},
		"an address too long":  {head + `{"nodes":[{"internalIPs":["`, "1111111111111111", "\"]}]}\n"},
		"spaces":               {head, "                ", "{}\n"},
		"empty lines":          {head + "{}\n", "\n", ""},
		"links":                {node + `,"links":[{"name":"a"}`, `,{"name":"a"}`, "]}\n"},
		"sysctls":              {node + `,"sysctls":{"a":""`, `,"%d":""`, "}}\n"},
		"nodes without tables": {head + "{}\n", `{"node":"n%09d"}` + "\n", ""},
		"neighbours":           {node + "}\n", "neigh ::1\n", ""},
		"routes":               {node + "}\n", "route ::/0\n", ""},
		"entries":              {node + "}\n", "fdb 66:00:00:00:00:01\n", ""},
		"unknown rows":         {node + "}\n", "x\n", ""},
		"devices":              {node + "}\n", "neigh ::1 dev %d\n", ""},
		"long devices":         {node + "}\n", "neigh ::1 dev %d" + strings.Repeat("a", 200) + "\n", ""},
		"a row without an end": {node + "}\n", "neigh ::1 dev aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ", ""},
		"rows on all nodes":    {head + "{}\n", `{"node":"n%09d"}` + "\n" + strings.Repeat("route ::/0\nfdb 66:00:00:00:00:01\n", 500), ""},
	}
}

// TestReadMemory: no file takes much memory, whatever is repeated in it: the file is written as far as it is read.
func TestReadMemory(t *testing.T) {
	for name, parts := range hostile() {
		t.Run(name, func(t *testing.T) {
			peak, err := peakOf(func() error {
				_, err := snapfile.Read(endless(t, parts, 200<<20))
				return err
			})
			if err == nil || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
				t.Errorf("error %v", err)
			}
			if peak > goal {
				t.Errorf("%d MiB of memory", peak>>20)
			}
		})
	}
}

// endless is the compressed file, of at most so many bytes uncompressed.
func endless(t *testing.T, parts [3]string, size int) io.Reader {
	r, w := io.Pipe()
	t.Cleanup(func() { _ = r.Close() })
	go func() {
		zip, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		_, err := io.WriteString(zip, parts[0])
		var chunk bytes.Buffer
		for n, written := 0, 0; written < size && err == nil; {
			chunk.Reset()
			for chunk.Len() < 1<<16 {
				if strings.Contains(parts[1], "%") {
					_, _ = fmt.Fprintf(&chunk, parts[1], n)
				} else {
					chunk.WriteString(parts[1])
				}
				n++
			}
			written += chunk.Len()
			_, err = zip.Write(chunk.Bytes())
		}
		_, _ = io.WriteString(zip, parts[2])
		_ = zip.Close()
		_ = w.Close()
	}()
	return r
}

// TestReadMemoryIncompressible: a file that nothing compresses takes what its size allows, and no more.
func TestReadMemoryIncompressible(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var plain bytes.Buffer
	plain.WriteString(`{"apiVersion":"dualstack/v1alpha1","kind":"Snapshot"}` + "\n{}\n")
	for node := 0; plain.Len() < 30<<20; node++ {
		_, _ = fmt.Fprintf(&plain, "{\"node\":\"n%09d\"}\n", node)
		for range 5000 {
			n := random.Uint32()
			_, _ = fmt.Fprintf(&plain, "route %d.%d.%d.%d/32\n", n>>24, n>>16&0xff, n>>8&0xff, n&0xff)
		}
	}
	file := zipped(t, plain.Bytes())
	plain = bytes.Buffer{}
	peak, err := peakOf(func() error {
		_, err := snapfile.Read(bytes.NewReader(file))
		return err
	})
	if most := uint64(160<<20 + 8*len(file)); err == nil || peak > most {
		t.Errorf("%d MiB of memory for a file of %d MiB, at most %d were expected; error %v", peak>>20, len(file)>>20, most>>20, err)
	}
}

// TestNamesMemory: TAB is content with less.
func TestNamesMemory(t *testing.T) {
	for name, parts := range hostile() {
		t.Run(name, func(t *testing.T) {
			peak, _ := peakOf(func() error {
				_, err := snapfile.Names(endless(t, parts, 40<<20), 500)
				return err
			})
			if peak > 96<<20 {
				t.Errorf("%d MiB of memory", peak>>20)
			}
		})
	}
}

// peakOf runs f and returns by how many bytes the heap grew at most, as far as looks in between show. Garbage is collected
// early, so that what a loaded machine leaves lying about does not count.
func peakOf(f func() error) (uint64, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	runtime.GC()
	var before, stats runtime.MemStats
	runtime.ReadMemStats(&before)
	done := make(chan error)
	go func() { done <- f() }()
	var peak uint64
	for {
		runtime.ReadMemStats(&stats)
		peak = max(peak, stats.HeapAlloc)
		select {
		case err := <-done:
			return peak - min(peak, before.HeapAlloc), err
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// FuzzReadMemory: what a file repeats, it takes no more memory than its budget and what decoding leaves behind.
func FuzzReadMemory(f *testing.F) {
	for _, parts := range hostile() {
		f.Add(parts[0], parts[1], parts[2])
	}
	f.Add(string(unzipped(f, written(f, inspecttest.Sample()))), "{}", "")
	f.Fuzz(func(t *testing.T, begin, part, end string) {
		part += " "
		plain := begin + strings.Repeat(part, (256<<10)/len(part)) + end
		file := zipped(t, []byte(plain))
		bounds := snapfile.Limits{Compressed: 8 << 20, Plain: 64 << 20, Node: 1 << 18, Object: 1 << 16, Values: 1 << 10, Memory: 1 << 20}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = snapfile.ReadWithin(bytes.NewReader(file), bounds)
		runtime.ReadMemStats(&after)
		if built, most := after.TotalAlloc-before.TotalAlloc, uint64(12<<20+16*len(file)); built > most {
			t.Errorf("%d MiB were built of a file of %d KiB", built>>20, len(file)>>10)
		}
	})
}
