package snapfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// limits are the bounds of a file.
type limits struct {
	Compressed int64 // bytes
	Plain      int64 // bytes
	Node       int   // bytes of the long tables of one node, and of any one line
	Rows       int   // of all nodes
	Values     int   // of JSON; one may take ten times the memory of its text
	Objects    int   // of JSON; one may take a hundred times the memory of its text
}

// realLimits are beyond any real cluster: with a thousand nodes a file has 70 MB, 550 MB uncompressed, in six million
// rows.
func realLimits() limits {
	return limits{
		Compressed: 256 << 20, Plain: 1 << 30, Node: 128 << 20, Rows: 16 << 20, Values: 16 << 20, Objects: 2 << 20,
	}
}

// Read reads a Snapshot as Write writes it. A file that is not one, was cut off, was changed, goes on behind its end,
// is of another version, or is larger than any real one, is an error; it takes no more memory than a real one could.
func Read(r io.Reader) (*inspect.Snapshot, error) { return read(r, realLimits()) }

func read(r io.Reader, bounds limits) (*inspect.Snapshot, error) {
	compressed := bufio.NewReaderSize(&boundedReader{r: r, left: bounds.Compressed, what: "compressed"}, 1<<16)
	zip, err := gzip.NewReader(compressed)
	if err != nil {
		return nil, fmt.Errorf("read snapshot: not a snapshot file: %w", err)
	}
	zip.Multistream(false)
	plain := &boundedReader{r: zip, left: bounds.Plain, what: "uncompressed"}
	d := decoder{max: bounds, lines: bufio.NewReaderSize(plain, 1<<20)}
	s, err := d.snapshot()
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	switch _, err := compressed.ReadByte(); {
	case err == nil:
		return nil, errors.New("read snapshot: the file goes on behind its end")
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	return s, nil
}

// ReadFile reads a Snapshot from a file.
func ReadFile(path string) (*inspect.Snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	defer f.Close()
	return Read(f)
}

// boundedReader is an error beyond a number of bytes.
type boundedReader struct {
	r    io.Reader
	left int64
	what string
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("it is too large %s", b.what)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// decoder reads the lines of a file.
type decoder struct {
	lines                 *bufio.Reader
	max                   limits
	rows, values, objects int // so far
}

func (d *decoder) snapshot() (*inspect.Snapshot, error) {
	var head header
	if err := d.json(&head); err != nil {
		return nil, fmt.Errorf("not a snapshot file: %w", err)
	}
	switch {
	case head.Kind != kind || head.APIVersion == "":
		return nil, errors.New("not a snapshot file")
	case head.APIVersion != inspect.APIVersion:
		return nil, fmt.Errorf("its version is %.40q, and only %s can be read: use the version of kubectl-dualstack that "+
			"wrote it (%.40q)", head.APIVersion, inspect.APIVersion, head.Tool)
	}
	s := &inspect.Snapshot{}
	if err := d.json(s); err != nil {
		return nil, err
	}
	s.Tool, s.Taken = head.Tool, head.Taken
	var err error
	s.Tables, err = d.tables()
	return s, err
}

// json reads one line of JSON.
func (d *decoder) json(v any) error {
	line, err := d.line(nil)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	return d.unmarshal(line, v)
}

// unmarshal decodes JSON after counting what it would come to.
func (d *decoder) unmarshal(line []byte, v any) error {
	d.objects += bytes.Count(line, []byte{'{'})
	d.values += bytes.Count(line, []byte{','})
	if d.objects > d.max.Objects || d.values > d.max.Values {
		return errors.New("it has more objects than any cluster")
	}
	return json.Unmarshal(line, v)
}

// line appends the next line with its line break to b. A last line without one was cut off.
func (d *decoder) line(b []byte) ([]byte, error) {
	start := len(b)
	for {
		part, err := d.lines.ReadSlice('\n')
		if len(b)+len(part) > d.max.Node {
			return nil, errors.New("a line, or the tables of a node, are too long")
		}
		b = append(b, part...)
		switch {
		case err == nil:
			return b, nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(b) > start:
			return nil, io.ErrUnexpectedEOF
		default:
			return b, err
		}
	}
}
