package status

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func clock(step time.Duration) func() time.Time {
	t := time.Unix(0, 0)
	return func() time.Time { t = t.Add(step); return t }
}

func TestLogGetsPlainLines(t *testing.T) {
	var b bytes.Buffer
	r := New(&b)
	r.now = clock(time.Second)
	first := r.Start("switch")
	second := r.Start("nodes")
	first.Detail("never shown in a log")
	if err := first.Done(nil); err != nil {
		t.Fatal(err)
	}
	r.Infof("a line of %s", "its own")
	boom := errors.New("boom")
	if err := second.Done(boom); !errors.Is(err, boom) {
		t.Errorf("Done returned %v, want the error that it was given", err)
	}
	want := " • switch ...\n • nodes ...\n ✓ switch (2s)\na line of its own\n ✗ nodes (2s)\n"
	if b.String() != want {
		t.Errorf("got\n%q\nwant\n%q", b.String(), want)
	}
}

func TestTerminalRedrawsOneLineWithinItsWidth(t *testing.T) {
	var b bytes.Buffer
	r := New(&b)
	r.now = clock(time.Second)
	r.width = func() int { return 20 }
	r.every = time.Hour // the spinner must not turn while the test looks
	s := r.Start("a step whose name is longer than the terminal is wide")
	s.Detail("x")
	_ = s.Done(nil)
	if r.stop != nil {
		t.Error("the spinner still runs after the last step has ended")
	}
	want := " ⠋ a step whose nam\r\x1b[K ⠋ a step whose nam\r\x1b[K ✓ a step whose name is longer than the terminal is wide (3s)\n"
	if b.String() != want {
		t.Errorf("got\n%q\nwant\n%q", b.String(), want)
	}
}

// TestOneLineStaysOneLine: names, details and notes may contain text from outside, such as the name of an image or an error.
func TestOneLineStaysOneLine(t *testing.T) {
	const hostile = "a\n::error::b\x1b[2J"
	const escaped = `a\n::error::b\x1b[2J`
	for name, width := range map[string]func() int{"log": nil, "terminal": func() int { return 200 }} {
		var b bytes.Buffer
		r := New(&b)
		r.width, r.every = width, time.Hour
		s := r.Start(hostile)
		s.Detail(hostile)
		r.Infof("%s", hostile)
		_ = s.Done(nil)
		printed := strings.ReplaceAll(b.String(), "\r\x1b[K", "")
		if strings.Contains(printed, "\n:") || strings.Contains(printed, "\x1b") || strings.Count(printed, escaped) < 3 {
			t.Errorf("%s: printed %q", name, printed)
		}
	}
}
