// Package status shows the progress of named steps. Several may run at once. A terminal shows a spinner with the names of
// the running steps, a log one plain line when a step starts and one when it ends. It writes to one stream, meant to be
// standard error, and computes nothing.
package status

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
)

// spinInterval is the time between two pictures of the spinner.
const spinInterval = 120 * time.Millisecond

// spinner holds its pictures, one rune each.
const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

// Reporter shows steps. It is safe for concurrent use.
type Reporter struct {
	mu      sync.Mutex
	w       io.Writer
	width   func() int // columns of the terminal; nil: not a terminal
	colour  bool
	now     func() time.Time
	every   time.Duration // between two pictures of the spinner
	running []*Step
	frame   int
	drawn   bool // the spinner's line is on the screen
	stop    chan struct{}
}

// New returns a Reporter that writes to w, with a spinner if w is a terminal that can redraw a line.
func New(w io.Writer) *Reporter {
	r := &Reporter{w: w, now: time.Now, every: spinInterval}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return r
	}
	r.colour = os.Getenv("NO_COLOR") == ""
	r.width = func() int {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
		return 80
	}
	return r
}

// Quiet starts a step that a terminal shows while it runs, and that leaves nothing behind: not in a log either, where a
// step of seconds is noise.
func Quiet(w io.Writer, name string) *Step {
	r := New(w)
	if r.width == nil {
		r.w = io.Discard
	}
	s := r.Start(name)
	s.quiet = true
	return s
}

// Step is one running step.
type Step struct {
	r      *Reporter
	name   string
	detail string
	start  time.Time
	quiet  bool // it ends without a line
}

// Start shows that a step has begun. Its Done must be called.
func (r *Reporter) Start(name string) *Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &Step{r: r, name: message.Text(name), start: r.now()}
	r.running = append(r.running, s)
	if r.width == nil {
		fmt.Fprintf(r.w, " • %s ...\n", s.name)
		return s
	}
	if r.stop == nil {
		r.stop = make(chan struct{})
		go r.spin(r.stop)
	}
	r.draw()
	return s
}

// Detail says what the step is busy with. Only a terminal shows it, beside the step's name.
func (s *Step) Detail(text string) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.detail = message.Text(text)
	s.r.draw()
}

// Done ends the step and shows its time. It returns err, so that it can end a function.
func (s *Step) Done(err error) error {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, x := range r.running {
		if x == s {
			r.running = append(r.running[:i:i], r.running[i+1:]...)
			break
		}
	}
	mark := r.paint("✓", "32")
	if err != nil {
		mark = r.paint("✗", "31")
	}
	r.erase()
	if !s.quiet {
		fmt.Fprintf(r.w, " %s %s (%s)\n", mark, s.name, r.now().Sub(s.start).Round(100*time.Millisecond))
	}
	if len(r.running) == 0 && r.stop != nil {
		close(r.stop)
		r.stop = nil
	}
	r.draw()
	return err
}

// Infof writes a line between the steps.
func (r *Reporter) Infof(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.erase()
	message.Line(r.w, format, args...)
	r.draw()
}

func (r *Reporter) spin(stop <-chan struct{}) {
	tick := time.NewTicker(r.every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			r.mu.Lock()
			r.frame++
			r.draw()
			r.mu.Unlock()
		}
	}
}

// draw puts the spinner's line on the screen; the caller holds mu.
func (r *Reporter) draw() {
	if r.width == nil || len(r.running) == 0 {
		return
	}
	names := make([]string, len(r.running))
	for i, s := range r.running {
		names[i] = s.name
		if s.detail != "" {
			names[i] += ": " + s.detail
		}
	}
	elapsed := r.now().Sub(r.running[0].start).Round(time.Second)
	pictures := []rune(spinner)
	line := []rune(fmt.Sprintf(" %c %s (%s)", pictures[r.frame%len(pictures)], strings.Join(names, ", "), elapsed))
	if most := r.width() - 1; len(line) > most && most > 0 {
		line = line[:most]
	}
	r.erase()
	fmt.Fprint(r.w, string(line))
	r.drawn = true
}

func (r *Reporter) erase() {
	if r.drawn {
		fmt.Fprint(r.w, "\r\x1b[K")
		r.drawn = false
	}
}

func (r *Reporter) paint(s, code string) string {
	if !r.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
