package snapfile

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/safefile"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// kind is the kind of a snapshot file, of version inspect.APIVersion.
const kind = "Snapshot"

// header is the first line of a file.
type header struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Tool       string    `json:"tool,omitempty"`
	Taken      time.Time `json:"taken,omitzero"`
}

// nodeLine is the line that begins the tables of a node, and holds the short ones.
type nodeLine struct {
	Node      string                `json:"node"`
	Links     []inspect.Link        `json:"links,omitempty"`
	Addresses []inspect.LinkAddress `json:"addresses,omitempty"`
	Rules     []inspect.Rule        `json:"rules,omitempty"`
	Sysctls   map[string]string     `json:"sysctls,omitempty"`
}

// Write writes the Snapshot to w in the format of this package. Equal Snapshots give equal bytes.
func Write(w io.Writer, s *inspect.Snapshot) error {
	zip := gzip.NewWriter(w)
	buffered := bufio.NewWriterSize(zip, 1<<16)
	if err := writeLines(buffered, s); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

func writeLines(w *bufio.Writer, s *inspect.Snapshot) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	head := header{APIVersion: inspect.APIVersion, Kind: kind, Tool: s.Tool, Taken: s.Taken.UTC()}
	if err := lines.Encode(head); err != nil {
		return err
	}
	rest := *s
	rest.Tool, rest.Taken, rest.Tables = "", time.Time{}, nil
	if err := lines.Encode(&rest); err != nil {
		return err
	}
	var row []byte
	for _, node := range slices.Sorted(maps.Keys(s.Tables)) {
		t := s.Tables[node]
		line := nodeLine{Node: node, Links: t.Links, Addresses: t.Addresses, Rules: t.Rules, Sysctls: t.Sysctls}
		if err := lines.Encode(line); err != nil {
			return err
		}
		var err error
		if row, err = writeRows(w, row, t); err != nil {
			return err
		}
	}
	return nil
}

// writeRows writes the long tables. It uses row as scratch space and returns it for the next node.
func writeRows(w io.Writer, row []byte, t inspect.NodeTable) ([]byte, error) {
	row = row[:0]
	for _, table := range tables() {
		row = table.append(row, &t)
	}
	_, err := w.Write(row)
	return row, err
}

// WriteFile writes the Snapshot to a file that only its owner may read, since it tells how a cluster is built. The file is
// written completely or not at all, even if the context ends: see safefile.Write.
func WriteFile(ctx context.Context, path string, s *inspect.Snapshot) error {
	var failed error
	err := safefile.Write(ctx, path, func(w io.Writer) error {
		failed = Write(w, s)
		return failed
	})
	if err != nil && failed == nil {
		err = fmt.Errorf("write snapshot: %w", err)
	}
	return err
}
