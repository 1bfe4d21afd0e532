package access

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// kubeletPatience is how long the first byte of an exec may take: the scripts print one when they begin. A busy node needs a second or
// two; one that is cut off, or stopped, never answers.
const kubeletPatience = 8 * time.Second

// NoAnswerError is the error of an exec that a kubelet did not answer.
type NoAnswerError struct{ Why string }

// Error says how the kubelet did not answer.
func (e NoAnswerError) Error() string { return "the node's kubelet does not answer: " + e.Why }

// IsNoAnswer reports whether an exec failed because the kubelet of its node did not answer.
func IsNoAnswer(err error) bool { return errors.As(err, new(NoAnswerError)) }

// Silence remembers the nodes whose kubelet did not answer, so that each costs its time once, and nothing is begun on it that would
// wait for it. The zero value knows none. It is safe for concurrent use.
type Silence struct {
	mu    sync.Mutex
	nodes map[string]error
}

// Of returns why a node is silent, or nil.
func (s *Silence) Of(node string) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nodes[node]
}

// Note takes the error of an exec into a pod of a node, and returns it.
func (s *Silence) Note(node string, err error) error {
	if s == nil || node == "" || !IsNoAnswer(err) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nodes == nil {
		s.nodes = map[string]error{}
	}
	s.nodes[node] = Permanent(err)
	return err
}

// Nodes names the silent nodes.
func (s *Silence) Nodes() []string {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for node := range s.nodes {
		all = append(all, node)
	}
	return all
}

// notDialed finds the words of an API server that does not reach a kubelet, or returns the empty string.
func notDialed(err error) string {
	text := err.Error()
	at := strings.LastIndex(text, "dial tcp ")
	if at < 0 || !strings.Contains(text, "error dialing backend") && !strings.Contains(text, "error sending request") {
		return ""
	}
	return text[at:]
}

// waitFirst is an output that stops a timer when something is printed.
type waitFirst struct {
	timer *time.Timer
}

func (w waitFirst) Write(p []byte) (int, error) {
	w.timer.Stop()
	return len(p), nil
}

func noFirstByte() error {
	return Permanent(NoAnswerError{fmt.Sprintf("nothing came within %v", kubeletPatience)})
}
