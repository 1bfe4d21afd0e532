//go:build linux

// Command runcshim is an OCI runtime that hands every call to runc, after it has removed from the specification of
// the process to be started the capabilities that this machine cannot grant. Docker's --privileged asks for every
// capability that the kernel knows, and where one of them is lacking runc refuses: "unable to apply caps: operation
// not permitted".
//
// It stands in the way of every container, so it never fails by itself: where it cannot do its work, runc gets the
// specification as it is and says what is wrong with it.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/capability"
)

func main() {
	if file, whole := specFile(os.Args[1:]); file != "" {
		if err := filterFile(file, whole); err != nil {
			fmt.Fprintf(os.Stderr, "runcshim: %v; leaving it as it is\n", err)
		}
	}
	runc, err := findRunc()
	if err == nil {
		err = syscall.Exec(runc, append([]string{"runc"}, os.Args[1:]...), os.Environ())
	}
	fmt.Fprintf(os.Stderr, "runcshim: start runc: %v\n", err)
	os.Exit(1)
}

// findRunc looks in the usual places too: whoever calls a runtime may do so with a bare environment.
func findRunc() (string, error) {
	found, err := exec.LookPath("runc")
	if err == nil {
		return found, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/sbin"} {
		if found, err := exec.LookPath(filepath.Join(dir, "runc")); err == nil {
			return found, nil
		}
	}
	return "", err
}

func filterFile(name string, whole bool) error {
	lacks, err := capability.Lacking()
	if err != nil || len(lacks) == 0 {
		return err
	}
	spec, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	filter := filterProcess
	if whole {
		filter = filterSpec
	}
	filtered, err := filter(spec, lacks)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return replace(name, filtered)
}

// replace writes the file aside and renames it, so that runc never reads half of it.
func replace(name string, data []byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	temp := fmt.Sprintf("%s.%d", name, os.Getpid())
	if err := os.WriteFile(temp, data, info.Mode().Perm()); err != nil {
		os.Remove(temp)
		return err
	}
	return os.Rename(temp, name)
}
