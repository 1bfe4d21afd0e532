package run

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestHost(t *testing.T) {
	var h Host
	out, err := h.Run(t.Context(), Cmd{Name: "cat", Stdin: strings.NewReader("hello")})
	if err != nil || string(out) != "hello" {
		t.Errorf("%q, %v", out, err)
	}
	var watched bytes.Buffer
	_, err = h.Run(t.Context(), Cmd{Name: "sh", Args: []string{"-c", "echo first >&2; echo $WHY >&2; exit 3"}, Env: []string{"WHY=no such thing"}, Stderr: &watched})
	var failed *Error
	if !errors.As(err, &failed) || failed.Code != 3 || failed.Reason() != "no such thing" || err.Error() != "sh -c: no such thing" {
		t.Errorf("error %v", err)
	}
	if watched.String() != "first\nno such thing\n" {
		t.Errorf("watched %q", &watched)
	}
	if _, err = h.Run(t.Context(), Cmd{Name: "no-such-program-here"}); err == nil || errors.As(err, &failed) && failed.Code == 0 {
		t.Errorf("error %v", err)
	}
	if _, err = h.Run(t.Context(), Cmd{Name: "false"}); err == nil || err.Error() != "false: exit status 1" {
		t.Errorf("error %v", err)
	}
}

func TestHostStopsWithItsContext(t *testing.T) {
	why := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, why)
	defer cancel()
	if _, err := (Host{}).Run(ctx, Cmd{Name: "sleep", Args: []string{"600"}}); !errors.Is(err, why) {
		t.Errorf("error %v", err)
	}
}

func TestFake(t *testing.T) {
	var f Fake
	f.Answer("docker", "all", nil)
	f.Answer("docker ps", "ps", nil)
	f.Fail("docker ps -a", 2, "no")
	for line, want := range map[string]string{"docker version": "all", "docker ps": "ps"} {
		args := strings.Fields(line)
		if out, err := f.Run(t.Context(), Cmd{Name: args[0], Args: args[1:], Stdin: strings.NewReader("in")}); err != nil || string(out) != want {
			t.Errorf("%s: %q, %v", line, out, err)
		}
	}
	var failed *Error
	if _, err := f.Run(t.Context(), Cmd{Name: "docker", Args: []string{"ps", "-a"}}); !errors.As(err, &failed) || failed.Code != 2 {
		t.Errorf("error %v", err)
	}
	if _, err := f.Run(t.Context(), Cmd{Name: "rm"}); err == nil {
		t.Error("an unforeseen command is no error")
	}
	if calls := f.Calls(); len(calls) != 4 || calls[0].Stdin != "in" || calls[1].Stdin != "in" || calls[2].Stdin != "" {
		t.Errorf("calls %+v", calls)
	}
}
