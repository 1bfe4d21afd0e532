//go:build unix

package dockerd

import (
	"os"
	"os/exec"
	"syscall"
)

func stopSignal() os.Signal { return syscall.SIGTERM }

func detached(name string) *exec.Cmd {
	cmd := exec.Command(name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}
