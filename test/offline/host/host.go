// Package host prepares this machine: programs that must be there, and locks that keep two runs apart. It changes a
// machine only by Debian's package manager, and only as root.
package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
)

// Tool is a program that something needs, and the Debian packages that may hold it; the first that exists is installed.
type Tool struct {
	Program  string
	Packages []string
}

// IsRoot tells whether this process may change the machine.
func IsRoot() bool { return os.Geteuid() == 0 }

// IsDebian tells whether this machine has Debian's package manager and Debian's packages.
func IsDebian() bool {
	release, err := os.ReadFile("/etc/os-release")
	return err == nil && debianRelease(string(release))
}

func debianRelease(release string) bool {
	for line := range strings.Lines(release) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if name == "ID" {
			return strings.Trim(value, `"'`) == "debian"
		}
	}
	return false
}

// Require makes sure that the tools are there: it installs what is missing where it may, and else names all of it at
// once.
func Require(ctx context.Context, r run.Runner, report *status.Reporter, tools ...Tool) error {
	missing := absent(tools)
	if len(missing) == 0 {
		return nil
	}
	if !IsRoot() || !IsDebian() {
		return fmt.Errorf("%s: not installed; install Debian's %s, or run this as root on Debian",
			strings.Join(programs(missing), ", "), strings.Join(firstPackages(missing), ", "))
	}
	step := report.Start("install " + strings.Join(programs(missing), ", "))
	return step.Done(install(ctx, r, missing))
}

func install(ctx context.Context, r run.Runner, tools []Tool) error {
	if err := apt(ctx, r, "update", "-qq"); err != nil {
		return err
	}
	packages := make([]string, 0, len(tools))
	for _, t := range tools {
		name, err := available(ctx, r, t)
		if err != nil {
			return err
		}
		packages = append(packages, name)
	}
	if err := apt(ctx, r, append([]string{"install", "-qq", "--no-install-recommends"}, packages...)...); err != nil {
		return err
	}
	if missing := absent(tools); len(missing) > 0 {
		return fmt.Errorf("%s: still not found after installing %s",
			strings.Join(programs(missing), ", "), strings.Join(packages, ", "))
	}
	return nil
}

// available returns the first of the tool's packages that this release of Debian has.
func available(ctx context.Context, r run.Runner, t Tool) (string, error) {
	for _, name := range t.Packages {
		out, err := r.Run(ctx, run.Cmd{Name: "apt-cache", Args: []string{"policy", name}, Env: []string{"LC_ALL=C"}})
		if err != nil {
			return "", fmt.Errorf("look up package %s: %w", name, err)
		}
		if policy := string(out); strings.Contains(policy, "Candidate:") && !strings.Contains(policy, "Candidate: (none)") {
			return name, nil
		}
	}
	return "", fmt.Errorf("install %s: this Debian has none of the packages %s", t.Program, strings.Join(t.Packages, ", "))
}

func apt(ctx context.Context, r run.Runner, args ...string) error {
	cmd := run.Cmd{Name: "apt-get", Args: append(args, "-y"), Env: []string{"DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"}}
	_, err := r.Run(ctx, cmd)
	return err
}

func absent(tools []Tool) []Tool {
	var missing []Tool
	for _, t := range tools {
		if _, err := exec.LookPath(t.Program); errors.Is(err, exec.ErrNotFound) {
			missing = append(missing, t)
		}
	}
	return missing
}

func programs(tools []Tool) []string {
	names := make([]string, len(tools))
	for i, t := range tools {
		names[i] = t.Program
	}
	return names
}

func firstPackages(tools []Tool) []string {
	names := make([]string, len(tools))
	for i, t := range tools {
		names[i] = t.Packages[0]
	}
	return names
}
