package apiserver

import (
	"os/exec"
	"syscall"
)

// endWithParent makes the kernel end the process when this one ends, however it ends.
func endWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
