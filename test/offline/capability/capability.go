// Package capability tells which of the kernel's capabilities this process lacks. Docker's --privileged asks for all
// that the kernel knows, and a sandboxed machine may not have them all to give.
package capability

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// SysResource is the capability without which no resource limit can be raised and no OOM score lowered.
const SysResource = "CAP_SYS_RESOURCE"

// names returns all in the order of their numbers, from linux/capability.h.
func names() []string {
	return []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
		"CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
		"CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
		"CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", SysResource, "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG",
		"CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN",
		"CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
		"CAP_CHECKPOINT_RESTORE",
	}
}

// Lacking returns the capabilities that the running kernel knows and this process does not have.
func Lacking() ([]string, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, fmt.Errorf("read own capabilities: %w", err)
	}
	last, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return nil, fmt.Errorf("read the kernel's last capability: %w", err)
	}
	return lacking(string(status), strings.TrimSpace(string(last)))
}

// lacking reads CapEff of a /proc/PID/status, up to the capability whose number is last.
func lacking(status, last string) ([]string, error) {
	highest, err := strconv.Atoi(last)
	if err != nil {
		return nil, fmt.Errorf("parse the kernel's last capability: %w", err)
	}
	var effective string
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, "CapEff:"); ok {
			effective = strings.TrimSpace(value)
		}
	}
	held, err := strconv.ParseUint(effective, 16, 64)
	if err != nil {
		return nil, fmt.Errorf("parse own capabilities: %w", err)
	}
	var lacks []string
	for i, name := range names() {
		if i <= highest && held&(1<<i) == 0 {
			lacks = append(lacks, name)
		}
	}
	return lacks, nil
}
