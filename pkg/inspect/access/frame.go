package access

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Preamble is the beginning of a script that prints sections on a node. It defines the shell function section: section NAME
// COMMAND… runs a command and prints its output, exit code and standard error between marks, so that a table that could
// not be read differs from an empty one.
//
// Each section is sealed: execs and logs lose pieces in the middle, not just at the end. JSON never holds a line
// break, so no table can forge a mark.
const Preamble = `export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
` + SealShell + `section() {
  name=$1
  shift
  body=$({ err=$("$@" 2>&1 >&3 3>&-); printf '\n` + mark + ` exit %s\n%s' "$?" "$err" >&3; } 3>&1)
  seal=$(seal "$name $body")
  printf '\n` + mark + ` begin %s\n%s\n' "$name" "$body"
  if [ -z "$seal" ]; then printf '` + mark + ` again\n%s\n' "$body"; fi
  printf '` + mark + ` seal %s %s\n' "$name" "$seal"
}
`

// Ending is the end of a script that begins with Preamble. Without it, the output was cut off.
const Ending = `printf '\n` + mark + ` end\n'
`

// mark begins each line that frames a section.
const mark = "@dualstack-tables"

// Section is the result of one command.
type Section struct {
	Out    []byte
	Code   int
	Stderr string // its first line, trimmed
}

// Sections splits the output of a script. Empty, incomplete or misordered output is ErrInconclusive.
func Sections(out []byte) (map[string]Section, error) {
	sections := map[string]Section{}
	rest := out
	for {
		kind, args, _, after, ok := nextMark(rest)
		switch {
		case !ok && len(bytes.TrimSpace(out)) == 0:
			return nil, fmt.Errorf("no output: %w", ErrInconclusive)
		case !ok:
			return nil, fmt.Errorf("output cut off after %d bytes: %w", len(out), ErrInconclusive)
		case kind == "end":
			return sections, nil
		case kind != "begin":
			return nil, fmt.Errorf("output has a hole before the frame %.20q: %w", kind, ErrInconclusive)
		}
		section, after, err := readSection(args, after)
		if err != nil {
			return nil, fmt.Errorf("section %.40q: %w", args, err)
		}
		sections[args], rest = section, after
	}
}

// readSection reads a section from behind its begin line.
func readSection(name string, b []byte) (Section, []byte, error) {
	rest := b
	var body, again []byte
	last := b // start of the part that ends at the next mark other than an exit
	for {
		kind, args, at, after, ok := nextMark(rest)
		if !ok {
			return Section{}, nil, fmt.Errorf("output cut off: %w", ErrInconclusive)
		}
		rest = after
		part := bytes.TrimSuffix(last[:len(last)-len(after)-at], []byte("\n"))
		switch kind {
		case "exit":
			continue
		case "again":
			body, last = part, after
			continue
		case "seal":
			if body == nil {
				body = part
			} else {
				again = part
			}
			sealed, seal, _ := strings.Cut(args, " ")
			// As Sealed, but without a copy of a large table.
			whole := seal != "" && seal == sealOf([]byte(name+" "), body) || seal == "" && bytes.Equal(body, again)
			if sealed != name || !whole {
				return Section{}, nil, fmt.Errorf("output has a hole: %w", ErrInconclusive)
			}
			s, err := parseSection(body)
			return s, after, err
		default:
			return Section{}, nil, fmt.Errorf("output has a hole before the frame %.20q: %w", kind, ErrInconclusive)
		}
	}
}

// parseSection reads the body of a section: output, exit mark, standard error.
func parseSection(body []byte) (Section, error) {
	i := bytes.LastIndex(body, []byte("\n"+mark+" exit "))
	if i < 0 {
		return Section{}, fmt.Errorf("no exit code: %w", ErrInconclusive)
	}
	_, code, _, stderr, ok := nextMark(append(bytes.Clone(body[i+1:]), '\n'))
	number, err := strconv.Atoi(code)
	if !ok || err != nil {
		return Section{}, fmt.Errorf("exit code %.20q: %w", code, ErrInconclusive)
	}
	return Section{Out: body[:i], Code: number, Stderr: FirstLine(stderr)}, nil
}

// nextMark finds the next line that begins with the mark and ends in a line break. It returns the first word behind the
// mark, the other words, the length of the line with its break, and the text that follows it.
func nextMark(b []byte) (kind, args string, length int, rest []byte, ok bool) {
	for {
		i := bytes.Index(b, []byte(mark+" "))
		if i < 0 {
			return "", "", 0, nil, false
		}
		atStart := i == 0 || b[i-1] == '\n'
		line, after, whole := bytes.Cut(b[i:], []byte{'\n'})
		switch {
		case !whole:
			return "", "", 0, nil, false
		case atStart:
			kind, args, _ = strings.Cut(string(line[len(mark)+1:]), " ")
			return kind, args, len(line) + 1, after, true
		}
		b = b[i+len(mark):]
	}
}

// Frame returns a section as Preamble prints it, for stand-ins of nodes.
func Frame(name, out string, code int, stderr string) string {
	body := fmt.Sprintf("%s\n%s exit %d\n%s", out, mark, code, stderr)
	return fmt.Sprintf("\n%s begin %s\n%s\n%s seal %s %s\n", mark, name, body, mark, name, Seal(name+" "+body))
}

// FrameEnd is the output of Ending.
const FrameEnd = "\n" + mark + " end\n"
