package snapfile_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/netip"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

// cmpOptions let cmp compare what has unexported fields.
var cmpOptions = []cmp.Option{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmpopts.EquateEmpty(),
}

func written(t testing.TB, s *inspect.Snapshot) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := snapfile.Write(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t testing.TB, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unzipped(t testing.TB, file []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestRoundTrip(t *testing.T) {
	for name, s := range map[string]*inspect.Snapshot{"empty": {}, "sample": inspecttest.Sample(), "many nodes": inspecttest.Synthetic(20), "lab": inspecttest.Lab()} {
		t.Run(name, func(t *testing.T) {
			got, err := snapfile.Read(bytes.NewReader(written(t, s)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s, got, cmpOptions...); diff != "" {
				t.Errorf("-written +read:\n%s", diff)
			}
		})
	}
}

func TestSameBytes(t *testing.T) {
	if !bytes.Equal(written(t, inspecttest.Sample()), written(t, inspecttest.Sample())) {
		t.Error("two equal snapshots are different files")
	}
}

// TestGolden pins the format. A change of this file is a change of the format, and asks for another version.
func TestGolden(t *testing.T) {
	testutil.Golden(t, "sample.golden.txt", unzipped(t, written(t, inspecttest.Sample())))
}

// TestRowsKeepEveryField: a field that is added to a row of a table and forgotten here would be lost without a word.
func TestRowsKeepEveryField(t *testing.T) {
	var table inspect.NodeTable
	table.Routes = []inspect.Route{filled[inspect.Route](t)}
	table.Neighbors = []inspect.Neighbor{filled[inspect.Neighbor](t)}
	table.FDB = []inspect.FDBEntry{filled[inspect.FDBEntry](t)}
	s := &inspect.Snapshot{Tables: map[string]inspect.NodeTable{"n": table}}
	got, err := snapfile.Read(bytes.NewReader(written(t, s)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got, cmpOptions...); diff != "" {
		t.Errorf("-written +read:\n%s", diff)
	}
}

// filled is a struct without a zero field. Its strings need escaping.
func filled[T any](t *testing.T) T {
	t.Helper()
	var v T
	value := reflect.ValueOf(&v).Elem()
	for i := range value.NumField() {
		var x any
		switch value.Field(i).Interface().(type) {
		case string:
			x = "a b%\n\x7fé-"
		case int:
			x = -42
		case bool:
			x = true
		case netip.Addr:
			x = netip.MustParseAddr("fd00::1")
		case netip.Prefix:
			x = netip.MustParsePrefix("fd00::1/64")
		case inspect.MAC:
			x = inspect.MAC{0xab, 0xcd, 0xef, 0, 1, 2}
		default:
			t.Fatalf("%T has a field of type %s", v, value.Field(i).Type())
		}
		value.Field(i).Set(reflect.ValueOf(x))
	}
	return v
}
