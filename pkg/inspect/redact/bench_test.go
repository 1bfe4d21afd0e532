package redact_test

import (
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/redact"
)

func BenchmarkRedact(b *testing.B) {
	s := inspecttest.Synthetic(1000)
	for b.Loop() {
		redact.Snapshot(s)
	}
}
