//go:build apiserver

package apiserver_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/host"
)

// shellDeadline bounds the wait for something to appear, so that what never does is a failure with a name.
const shellDeadline = time.Minute

// prompt is what both shells print when they wait for a line. They assemble it, so that it is not to be found in the
// line that sets it.
const prompt = "<ready>"

// TestShells completes "kubectl dualstack" as people do: in a terminal, with TAB, through the real kubectl, against a
// real API server.
func TestShells(t *testing.T) {
	bin, crds := requirements(t)
	_, kubeconfig := startServer(t, bin, crds)
	for _, shell := range []struct {
		name, library string // the library is what completion takes beside the shell
		packages      []string
		args, setup   []string
	}{
		{
			name: "bash", library: "/usr/share/bash-completion/bash_completion", packages: []string{"bash", "bash-completion"},
			args: []string{"--norc", "--noprofile", "-i"},
			setup: []string{"bind 'set enable-bracketed-paste off'", "bind 'set show-all-if-ambiguous on'",
				"source /usr/share/bash-completion/bash_completion", "source <(kubectl completion bash)"},
		},
		{
			name: "zsh", library: "/usr/share/zsh", packages: []string{"zsh"},
			args:  []string{"-f", "-i"},
			setup: []string{"unsetopt PROMPT_SP", "autoload -Uz compinit && compinit -u -D", "source <(kubectl completion zsh)"},
		},
	} {
		t.Run(shell.name, func(t *testing.T) {
			requireShell(t, shell.name, shell.library, shell.packages)
			term := openTerminal(t, bin, kubeconfig, shell.name, shell.args...)
			term.command("PS1='<rea''dy>'")
			for _, line := range shell.setup {
				term.command(line)
			}
			term.completes("kubectl dualstack serv", "ices ")
			term.completes("kubectl dualstack pods multitool-a", "aaaa ")
			term.completes("kubectl dualstack pods multitool-", "multitool-bbbbb") // one of several, which are listed
			term.completes("kubectl dualstack services multitool-i", "pv6-only ")
			term.completes("kubectl dualstack nodes dual-stack-c", "ontrol-plane ")
			term.completes("kubectl dualstack routes --node dual-stack-c", "ontrol-plane ")
			term.completes("kubectl dualstack fdb --node-a", "ccess")
			term.completes("kubectl dualstack pods -o w", "ide ")
			term.completes("kubectl dualstack pods -n kube-system cored", "ns-yyyyy ")
			// What is completed runs.
			term.send("kubectl dualstack pods -o name multitool-a\t\n")
			term.expect("\npod/multitool-aaaaa")
			term.expect(prompt)
		})
	}
}

// requireShell makes sure that a shell is there, and what completion in it takes. Where it is not and cannot be
// installed, there is nothing to test; on a machine for continuous integration that is a failure.
func requireShell(t *testing.T, shell, library string, packages []string) {
	t.Helper()
	_, err := exec.LookPath(shell)
	if _, missing := os.Stat(library); err == nil && missing == nil {
		return
	}
	err = fmt.Errorf("completion in %s needs Debian's %s: install them, or run this as root on Debian", shell, strings.Join(packages, ", "))
	if host.IsRoot() && host.IsDebian() {
		_, err = run.Host{}.Run(t.Context(), run.Cmd{Name: "sh", Args: append([]string{"-c",
			`apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"`, "sh"}, packages...)})
	}
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// terminal is a shell in a terminal.
type terminal struct {
	t      *testing.T
	file   *os.File
	output chan []byte
	seen   []byte // what was printed and not yet expected
}

// openTerminal starts a shell that finds kubectl and the program on its PATH, and nothing of the user's own.
func openTerminal(t *testing.T, bin, kubeconfig, shell string, args ...string) *terminal {
	t.Helper()
	cmd := exec.Command(shell, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "HOME="+cmd.Dir, "ZDOTDIR="+cmd.Dir, "TERM=dumb", "LC_ALL=C.UTF-8",
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 200})
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, file: file, output: make(chan []byte, 100)}
	go func() {
		defer close(term.output)
		for {
			buf := make([]byte, 4096)
			n, err := file.Read(buf)
			if n > 0 {
				term.output <- buf[:n]
			}
			if err != nil { // the terminal is closed, or the shell has ended
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = file.Close()
		for range term.output { // until the reader has ended
		}
	})
	return term
}

func (term *terminal) send(text string) {
	term.t.Helper()
	if _, err := term.file.WriteString(text); err != nil {
		term.t.Fatalf("type %q: %v", text, err)
	}
}

// expect reads up to text.
func (term *terminal) expect(text string) {
	term.t.Helper()
	deadline := time.After(shellDeadline)
	for {
		if i := bytes.Index(term.seen, []byte(text)); i >= 0 {
			term.seen = term.seen[i+len(text):]
			return
		}
		select {
		case more, open := <-term.output:
			if !open {
				term.t.Fatalf("the shell ended before %q; it printed:\n%q", text, term.seen)
			}
			term.seen = append(term.seen, more...)
		case <-deadline:
			term.t.Fatalf("no %q; the shell printed:\n%q", text, term.seen)
		}
	}
}

// command runs a line and waits until the shell is ready for the next: for a word that only the shell makes of what is
// typed, so that no prompt of before is taken for the next one.
func (term *terminal) command(line string) {
	term.t.Helper()
	term.send(line + "; echo aft''er\n")
	term.expect("after")
	term.expect(prompt)
}

// completes types a line and TAB, and expects what appears behind it. Then it empties the line.
func (term *terminal) completes(typed, appears string) {
	term.t.Helper()
	term.send(typed)
	term.expect(typed)
	term.send("\t")
	term.expect(appears)
	term.command("\x15true")
}
