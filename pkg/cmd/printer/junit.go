package printer

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/safefile"
)

// FormatJUnit is the value of -o for a report of CI systems. Only commands whose rows are tests have it, see Flags.Own.
const FormatJUnit = "junit"

// Outcome says how a test ended.
type Outcome uint8

// The outcomes of a test.
const (
	Passed  Outcome = iota
	Skipped         // did not run
	Failed          // ran, and found something
	Errored         // ran, and came to no result
)

// Test is a test of a JUnit report. Its texts may be a cluster's: JUnit escapes them.
type Test struct {
	Name    string
	Outcome Outcome
	Message string        // why the test did not pass, in one line
	Code    string        // the kind of what it found
	Text    string        // what it found, whole, printed and escaped; of a test that passed, what it has to say all the same
	Took    time.Duration // zero: not measured
}

// JUnit is a report as CI systems read it: suites of tests, in the order in which they were added.
type JUnit struct {
	name   string
	took   time.Duration
	suites []junit.Testsuite
}

// NewJUnit returns an empty report of a command that took so long; zero is not measured.
func NewJUnit(command string, took time.Duration) *JUnit { return &JUnit{name: command, took: took} }

// Add adds a test to the suite of that name.
func (j *JUnit) Add(suite string, t Test) {
	test := junit.Testcase{Name: Escape(t.Name), Classname: j.name + "." + suite}
	if t.Took > 0 {
		test.Time = seconds(t.Took)
	}
	result := &junit.Result{Message: Escape(t.Message), Type: t.Code, Data: t.Text}
	switch t.Outcome {
	case Passed:
		if t.Text != "" {
			test.SystemOut = &junit.Output{Data: t.Text}
		}
	case Skipped:
		test.Skipped = result
	case Failed:
		test.Failure = result
	case Errored:
		test.Error = result
	}
	for i := range j.suites {
		if j.suites[i].Name == suite {
			j.suites[i].AddTestcase(test)
			return
		}
	}
	s := junit.Testsuite{Name: suite, ID: len(j.suites), Time: seconds(0)}
	s.AddTestcase(test)
	j.suites = append(j.suites, s)
}

// Write writes the report.
func (j *JUnit) Write(w io.Writer) error {
	all := &junit.Testsuites{Name: "dualstack " + j.name}
	if j.took > 0 {
		all.Time = seconds(j.took)
	}
	for _, s := range j.suites {
		all.AddSuite(s)
	}
	return all.WriteXML(w)
}

// WriteFile writes the report to a file that only its owner may read: it has names and addresses of the cluster.
func (j *JUnit) WriteFile(ctx context.Context, name string) error {
	if err := safefile.Write(ctx, name, j.Write); err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	return nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
