package nodetables

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// interrupted is what iproute2 says, with exit code 0, when a table changed while it was dumped (lib/libnetlink.c).
const interrupted = "Dump was interrupted"

// section is what one command of Script gave.
type section struct {
	out    []byte
	code   int
	stderr string // its first line, trimmed
}

// split cuts the output of Script into its sections.
func split(out []byte) (map[string]section, error) {
	if len(bytes.TrimSpace(out)) == 0 {
		return nil, fmt.Errorf("no output: %w", access.ErrInconclusive)
	}
	sections := map[string]section{}
	rest := out
	for {
		args, after, ok := nextMark(rest)
		switch {
		case !ok:
			return nil, fmt.Errorf("output cut off after %d bytes: %w", len(out), access.ErrInconclusive)
		case len(args) == 1 && args[0] == "end":
			return sections, nil
		case len(args) != 2 || args[0] != "begin":
			return nil, fmt.Errorf("unexpected frame %.80q", strings.Join(args, " "))
		}
		name := args[1]
		s, after, err := readSection(name, after)
		if err != nil {
			return nil, err
		}
		sections[name], rest = s, after
	}
}

// readSection reads a section from behind its begin line up to the next begin or end line, which it leaves.
func readSection(name string, b []byte) (section, []byte, error) {
	args, rest, ok := nextMark(b)
	if !ok {
		return section{}, nil, fmt.Errorf("output cut off in section %.40q: %w", name, access.ErrInconclusive)
	}
	if len(args) != 3 || args[0] != "exit" || args[1] != name {
		return section{}, nil, fmt.Errorf("section %.40q ends in frame %.80q", name, strings.Join(args, " "))
	}
	code, err := strconv.Atoi(args[2])
	if err != nil {
		return section{}, nil, fmt.Errorf("exit code of section %.40q: %w", name, err)
	}
	out := b[:len(b)-len(rest)]
	out = out[:bytes.LastIndex(out, []byte(mark))]
	stderr := rest
	if i := bytes.Index(rest, []byte(mark)); i >= 0 {
		stderr = rest[:i]
	}
	return section{out: out, code: code, stderr: access.FirstLine(stderr)}, rest, nil
}

// nextMark finds the next line that begins with the mark and ends in a line break. It returns the words behind the mark
// and what follows the line.
func nextMark(b []byte) (args []string, rest []byte, ok bool) {
	for {
		i := bytes.Index(b, []byte(mark))
		if i < 0 {
			return nil, nil, false
		}
		atStart := i == 0 || b[i-1] == '\n'
		line, after, whole := bytes.Cut(b[i:], []byte{'\n'})
		switch {
		case !whole:
			return nil, nil, false
		case atStart:
			return strings.Fields(string(line[len(mark):])), after, true
		}
		b = b[i+len(mark):]
	}
}

// check says why the section cannot be used, if so.
func (s section) check(name string) error {
	if strings.Contains(s.stderr, interrupted) {
		return fmt.Errorf("section %s: the table changed while it was read: %w", name, access.ErrInconclusive)
	}
	if s.code == 0 {
		return nil
	}
	reason := fmt.Sprintf("exit code %d", s.code)
	if s.stderr != "" {
		reason += ": " + s.stderr
	}
	return fmt.Errorf("section %s: %s (the tables are read with iproute2's ip -json)", name, reason)
}
