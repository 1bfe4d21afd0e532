package probe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// TestTools reads what real tools printed, in pods of a lab and on a loopback address. A file in testdata/tools has the
// probe, the tool, its exit code and its command line before its output; testdata/tools.txt has what was understood.
func TestTools(t *testing.T) {
	files, err := filepath.Glob("testdata/tools/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var all bytes.Buffer
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		probe, o := recorded(t, string(b))
		r := result(probe, o)
		r.Tool, r.Output, r.Command, r.ExitCode = "", "", "", 0
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s %s\n", strings.TrimSuffix(filepath.Base(file), ".txt"), text)
	}
	testutil.Golden(t, "tools.txt", all.Bytes())
}

func recorded(t *testing.T, text string) (trace.Probe, *outcome) {
	t.Helper()
	parts := strings.SplitN(text, "\n", 5)
	words := strings.Fields(parts[0])
	family, err := inspect.ParseFamily(words[1])
	if err != nil {
		t.Fatal(err)
	}
	p := trace.Probe{Check: trace.Check(words[0]), Family: family, Count: 1}
	if words[2] != "-" {
		p.Host = words[2]
	}
	o := &outcome{tool: parts[1], ended: true}
	if o.code, err = strconv.Atoi(parts[2]); err != nil {
		t.Fatal(err)
	}
	apart := o.tool == toolCurl || strings.HasSuffix(o.tool, "wget")
	for line := range strings.Lines(parts[4]) {
		if report, ok := strings.CutPrefix(line, "MARK "); ok {
			o.report = strings.TrimSpace(report)
			continue
		}
		// The recordings have both outputs in one; of the pages only one line is the server's.
		o.keep(!apart || strings.HasPrefix(line, "Network MultiTool"), line)
	}
	return p, o
}
