// Package demo holds the recording of a healthy lab, so that users without a cluster see every inspector work.
// "make demo-snapshot" records it again.
package demo

import (
	"bytes"
	_ "embed"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

//go:embed lab.snapshot
var recording []byte

// Snapshot returns the recording.
func Snapshot() (*inspect.Snapshot, error) { return snapfile.Read(bytes.NewReader(recording)) }
