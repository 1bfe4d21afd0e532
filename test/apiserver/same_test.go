//go:build apiserver

package apiserver_test

import (
	"github.com/rogpeppe/go-internal/testscript"
)

// same is a command of the scripts: "same FILE ARG..." runs the program on the live cluster and on the recording in FILE,
// which must print the same, on both outputs, and end alike.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: same FILE ARG...")
	}
	const program = "kubectl-dualstack"
	liveErr := ts.Exec(program, args[1:]...)
	liveOut, liveErrOut := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	fileErr := ts.Exec(program, append(args[1:], "--snapshot", args[0])...)
	fileOut, fileErrOut := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if (liveErr == nil) != (fileErr == nil) || liveOut != fileOut || liveErrOut != fileErrOut {
		ts.Fatalf("%q: live (%v)\n%s%s\nrecorded (%v)\n%s%s", args[1:], liveErr, liveOut, liveErrOut, fileErr, fileOut, fileErrOut)
	}
	if liveOut == "" && liveErrOut == "" {
		ts.Fatalf("%q prints nothing", args[1:])
	}
}
