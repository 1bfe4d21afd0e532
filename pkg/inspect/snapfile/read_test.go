package snapfile_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

func TestReadHostile(t *testing.T) {
	const head = `{"apiVersion":"dualstack/v1alpha1","kind":"Snapshot"}` + "\n"
	good := written(t, &inspect.Snapshot{})
	small := snapfile.Limits{Compressed: 1 << 20, Plain: 1 << 16, Node: 1 << 12, Object: 1 << 12, Values: 512, Memory: 1 << 14}
	tests := map[string]struct {
		file []byte
		want string
	}{
		"empty":                     {nil, "not a snapshot file"},
		"not gzip":                  {[]byte("PK\x03\x04 hello"), "not a snapshot file"},
		"gzip of something else":    {zipped(t, []byte("hello\n")), "not a snapshot file"},
		"gzip of nothing":           {zipped(t, nil), "not a snapshot file"},
		"JSON of something else":    {zipped(t, []byte(`{"apiVersion":"v1","kind":"PodList"}`+"\n")), "not a snapshot file"},
		"a later version":           {zipped(t, []byte(`{"apiVersion":"dualstack/v2","kind":"Snapshot","tool":"v9.0.0"}`+"\n")), `its version is "dualstack/v2", and only dualstack/v1alpha1 can be read: use the version of kubectl-dualstack that wrote it ("v9.0.0")`},
		"no body":                   {zipped(t, []byte(head)), "unexpected EOF"},
		"a body cut off":            {zipped(t, []byte(head+`{"nodes":[]}`)), "unexpected EOF"},
		"bytes behind the end":      {append(bytes.Clone(good), 0), "goes on behind its end"},
		"another file behind it":    {append(bytes.Clone(good), good...), "goes on behind its end"},
		"a changed byte":            {flip(good, len(good)-6), "invalid checksum"},
		"nodes out of order":        {zipped(t, []byte(head+"{}\n{\"node\":\"b\"}\n{\"node\":\"a\"}\n")), `node "a" is out of order`},
		"a node twice":              {zipped(t, []byte(head+"{}\n{\"node\":\"a\"}\n{\"node\":\"a\"}\n")), `node "a" is out of order`},
		"a node without a name":     {zipped(t, []byte(head+"{}\n{}\n")), "out of order"},
		"a row without a node":      {zipped(t, []byte(head+"{}\nfdb 66:00:00:00:00:01\n")), "a row without a node"},
		"an unknown table":          {table(t, "shadow x"), `tables of node "n": row 2: unknown table "shadow"`},
		"an empty row":              {table(t, ""), "row 2: unknown table"},
		"an unknown word":           {table(t, "fdb 66:00:00:00:00:01 root now"), `unknown word "root"`},
		"an address that is none":   {table(t, "neigh 300.0.0.1"), `bad address "300.0.0.1"`},
		"an address with a zone":    {table(t, "neigh fe80::1%eth0"), "bad address"},
		"a prefix that is none":     {table(t, "route 10.0.0.0/33"), "bad prefix"},
		"a MAC that is none":        {table(t, "fdb 66:00:00:00:00:0G"), "bad Ethernet address"},
		"a MAC that is too long":    {table(t, "fdb 66:00:00:00:00:00:00"), "bad Ethernet address"},
		"a number that is none":     {table(t, "route 10.0.0.0/8 mtu 99999999999999999999"), "bad number"},
		"a word that is not there":  {table(t, "route 10.0.0.0/8 dev"), "bad word"},
		"an escape that is cut off": {table(t, "route 10.0.0.0/8 dev a%2"), "bad word"},
		"too many rows":             {table(t, slices.Repeat([]string{"neigh ::1"}, 300)...), "more than 0 MiB of memory"},
		"too many objects":          {zipped(t, []byte(head+`{"pods":[`+strings.Repeat(`{"name":"a"},`, 200)+"{}]}\n")), "pods: it takes more than 0 MiB of memory"},
		"an object too large":       {zipped(t, []byte(head+`{"pods":[{"name":"`+strings.Repeat("a", 1<<14)+"\"}]}\n")), "an object is larger"},
		"too many values":           {zipped(t, []byte(head+`{"pods":[{"containers":[`+strings.Repeat(`"",`, 1000)+"\"\"]}]}\n")), "an object is larger"},
		"an empty object":           {zipped(t, []byte(head+`{"pods":[{"name":"a"},null]}`+"\n")), "pods: item 2: it is empty"},
		"a number for an object":    {zipped(t, []byte(head+`{"nodes":[0,0,0]}`+"\n")), "nodes: item 1: json: cannot unmarshal number"},
		"a number for a list":       {zipped(t, []byte(head+`{"nodes":0}`+"\n")), "nodes: a float64 in place of ["},
		"a list for the body":       {zipped(t, []byte(head+"[]\n")), "[ in place of {"},
		"two bodies":                {zipped(t, []byte(head+"{}{}\n")), "goes on behind its end"},
		"a line without end":        {zipped(t, []byte(head+strings.Repeat("0", 1<<14))), "in place of {"},
		"rows without end":          {table(t, strings.Repeat("x", 1<<13)), "too long"},
		"a bomb":                    {zipped(t, []byte(head+"{}\n"+strings.Repeat("{\"node\":\"a\"}\n", 1<<13))), "out of order"},
		"a bomb of one node":        {zipped(t, []byte(head+"{}\n"+strings.Repeat(" \n", 1<<18))), "a row without a node"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := snapfile.ReadWithin(bytes.NewReader(tt.file), small)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if s != nil {
				t.Error("a snapshot besides the error")
			}
		})
	}
}

// table is a file with a good row and then the rows.
func table(t *testing.T, rows ...string) []byte {
	t.Helper()
	head := `{"apiVersion":"dualstack/v1alpha1","kind":"Snapshot"}` + "\n{}\n" + `{"node":"n"}` + "\nneigh ::1\n"
	return zipped(t, []byte(head+strings.Join(rows, "\n")+"\n"))
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// TestReadSizes: the two bounds on bytes hold while reading, not after it.
func TestReadSizes(t *testing.T) {
	file := written(t, inspecttest.Synthetic(20))
	for name, bounds := range map[string]snapfile.Limits{
		"it is too large compressed":   {Compressed: int64(len(file)) - 9, Plain: 1 << 30, Node: 1 << 30, Object: 1 << 20, Values: 1 << 20, Memory: 1 << 30},
		"it is too large uncompressed": {Compressed: 1 << 30, Plain: 1 << 14, Node: 1 << 30, Object: 1 << 20, Values: 1 << 20, Memory: 1 << 30},
	} {
		if _, err := snapfile.ReadWithin(bytes.NewReader(file), bounds); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want %q", err, name)
		}
	}
	r := &countingReader{r: bytes.NewReader(append(bytes.Clone(file), make([]byte, 1<<20)...))}
	if _, err := snapfile.Read(r); err == nil || r.n > len(file)+1<<16 {
		t.Errorf("error %v after %d bytes of %d", err, r.n, len(file))
	}
}

type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// TestReadCutOff: wherever a file ends too early, it is an error.
func TestReadCutOff(t *testing.T) {
	file := written(t, inspecttest.Sample())
	for n := range file {
		if _, err := snapfile.Read(bytes.NewReader(file[:n])); err == nil {
			t.Errorf("the first %d of %d bytes pass for a snapshot", n, len(file))
		}
	}
}

// FuzzRead: whatever a file holds, Read returns in bounds; and what it reads can be written and read again, to the same
// bytes. Input is tried as it is and, since few random bytes are gzip, compressed.
func FuzzRead(f *testing.F) {
	f.Add(written(f, inspecttest.Sample()))
	f.Add(unzipped(f, written(f, inspecttest.Sample())))
	f.Add(unzipped(f, written(f, inspecttest.Synthetic(3))))
	f.Add([]byte(nil))
	bounds := snapfile.Limits{Compressed: 1 << 20, Plain: 1 << 20, Node: 1 << 20, Object: 1 << 16, Values: 1 << 12, Memory: 1 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, file := range [][]byte{data, zipped(t, data)} {
			s, err := snapfile.ReadWithin(bytes.NewReader(file), bounds)
			if err != nil {
				continue
			}
			first := written(t, s)
			again, err := snapfile.Read(bytes.NewReader(first))
			if err != nil {
				t.Fatalf("what was read and written cannot be read: %v", err)
			}
			if second := written(t, again); !bytes.Equal(first, second) {
				t.Errorf("two writings differ:\n%s\n%s", unzipped(t, first), unzipped(t, second))
			}
		}
	})
}
