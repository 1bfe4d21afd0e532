package offline

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
)

// step runs do as a step that is shown, with a log file of its own for what commands print.
func (l *Lab) step(title string, do func(*progress) error) error {
	p := &progress{step: l.Report.Start(title)}
	return p.step.Done(func() error {
		if err := p.openLog(filepath.Join(l.Cache, "logs"), title); err != nil {
			return err
		}
		defer p.log.Close()
		defer l.beat(title, p)()
		return do(p)
	}())
}

// beat shows from time to time, where a Heartbeat is set, that the step goes on. The returned function ends it.
func (l *Lab) beat(title string, p *progress) (stop func()) {
	if l.Heartbeat == 0 {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		start, tick := time.Now(), time.NewTicker(l.Heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				l.Report.Infof("   %s: %s, at %s", title, time.Since(start).Round(time.Second), p.latest())
			}
		}
	}()
	return func() { close(done) }
}

// progress takes what a step's commands print: into the log, and the newest line to be shown.
type progress struct {
	step *status.Step
	log  *os.File

	mu   sync.Mutex
	line []byte // so far without its end
	last string
}

func (p *progress) openLog(dir, title string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("log %s: %w", title, err)
	}
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune("/: ,", r) {
			return '-'
		}
		return r
	}, title)
	f, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return fmt.Errorf("log %s: %w", title, err)
	}
	p.log = f
	return nil
}

// Write takes what a command prints. It is safe for concurrent use: both outputs of a command come here.
func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.log.Write(b); err != nil {
		return 0, err
	}
	p.line = append(p.line, b...)
	if end := bytes.LastIndexByte(p.line, '\n'); end >= 0 {
		lines := strings.Split(strings.TrimSpace(string(p.line[:end])), "\n")
		p.line = append([]byte(nil), p.line[end+1:]...)
		p.last = lines[len(lines)-1]
		p.step.Detail(p.last)
	}
	return len(b), nil
}

func (p *progress) latest() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == "" {
		return "the start"
	}
	return p.last
}

// command runs a command whose output only its reader cares about. An error names the log.
func (p *progress) command(ctx context.Context, r run.Runner, c run.Cmd) error {
	if c.Stdout == nil {
		c.Stdout = p
	}
	c.Stderr = p
	if _, err := r.Run(ctx, c); err != nil {
		return fmt.Errorf("%w (all of it: %s)", err, p.log.Name())
	}
	return nil
}
