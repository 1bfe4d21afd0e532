//go:build !unix

package dockerd

import (
	"os"
	"os/exec"
)

func stopSignal() os.Signal { return os.Kill }

func detached(name string) *exec.Cmd { return exec.Command(name) }
