package snapfile

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/budget"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/interrupt"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// limits are the bounds of a file, in bytes but for Values.
type limits struct {
	Compressed, Plain int64
	Node              int // the long tables of one node
	Object            int // the JSON of one object, such as a pod
	Values            int // in one object
	// Memory bounds the Snapshot, besides memoryPerByte for each compressed byte.
	Memory int64
}

// realLimits exceed any real cluster: with a thousand nodes a file has 70 MB, 550 MB uncompressed, in six million rows.
func realLimits() limits {
	return limits{
		Compressed: 256 << 20, Plain: 1 << 30, Node: 32 << 20, Object: 4 << 20, Values: 1 << 16, Memory: 128 << 20,
	}
}

// memoryPerByte is how much memory a compressed byte may become. A real file of a thousand nodes comes close, in 59 MB: a row that
// every node has takes ten bytes there, and a hundred in memory.
const memoryPerByte = 8

// Read reads a Snapshot as Write writes it. A file that is of another kind or version, was cut off or
// changed, continues after its end, or is larger than any real one, is an error. Read counts memory before it uses it, so
// that a small file cannot take much: see limits.
func Read(r io.Reader) (*inspect.Snapshot, error) { return read(r, realLimits()) }

func read(r io.Reader, bounds limits) (*inspect.Snapshot, error) {
	d, err := newDecoder(r, bounds)
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	s, err := d.snapshot()
	if err == nil {
		err = d.end()
	}
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w", brief(err))
	}
	return s, nil
}

// ReadFile reads a Snapshot from a file, or from a pipe that may have no writer yet, until the context ends.
func ReadFile(ctx context.Context, path string) (*inspect.Snapshot, error) {
	f, err := interrupt.Do(ctx, func() (*os.File, error) { return os.Open(path) })
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	defer f.Close()
	return Read(interrupt.Reader(ctx, f))
}

// decoder reads the lines of a file.
type decoder struct {
	compressed *bufio.Reader
	lines      *bufio.Reader
	max        limits
	memory     *budget.Budget
	// trim, if set, sees each object in turn, may change it, and reports whether it stays.
	trim func(object any) bool
}

func newDecoder(r io.Reader, bounds limits) (*decoder, error) {
	d := &decoder{max: bounds, memory: budget.New(bounds.Memory)}
	file := &boundedReader{r: r, left: bounds.Compressed, what: "compressed", earn: d.memory.Earn}
	d.compressed = bufio.NewReaderSize(file, 1<<16)
	zip, err := gzip.NewReader(d.compressed)
	if err != nil {
		return nil, fmt.Errorf("not a snapshot file: %w", err)
	}
	zip.Multistream(false)
	d.lines = bufio.NewReaderSize(&boundedReader{r: zip, left: bounds.Plain, what: "uncompressed"}, 1<<20)
	return d, nil
}

// boundedReader returns an error beyond a number of bytes.
type boundedReader struct {
	r    io.Reader
	left int64
	what string
	earn func(bytes int) // gets the number of bytes read; may be nil
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("it is too large %s", b.what)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if b.earn != nil {
		b.earn(n * memoryPerByte)
	}
	return n, err
}

func (d *decoder) snapshot() (*inspect.Snapshot, error) {
	head, err := d.head()
	if err != nil {
		return nil, err
	}
	s := &inspect.Snapshot{}
	if err := d.object(s); err != nil {
		return nil, err
	}
	s.Tool, s.Taken = head.Tool, head.Taken
	s.Tables, err = d.tables()
	return s, err
}

// head reads the first line.
func (d *decoder) head() (header, error) {
	var head header
	if err := d.object(&head); err != nil {
		return head, fmt.Errorf("not a snapshot file: %w", err)
	}
	switch {
	case head.Kind != kind || head.APIVersion == "":
		return head, errors.New("not a snapshot file")
	case head.APIVersion != inspect.APIVersion:
		return head, fmt.Errorf("its version is %.40q, and only %s can be read: use the version of kubectl-dualstack that wrote it "+
			"(%.40q)", head.APIVersion, inspect.APIVersion, head.Tool)
	}
	return head, nil
}

// end expects the file to end here, after its checksum.
func (d *decoder) end() error {
	switch _, err := d.compressed.ReadByte(); {
	case err == nil:
		return errors.New("the file goes on behind its end")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

// brief bounds the text of an error, which may quote its input.
func brief(err error) error {
	const enough = 300
	if text := err.Error(); len(text) > enough {
		return fmt.Errorf("%.*s…", enough, text)
	}
	return err
}
