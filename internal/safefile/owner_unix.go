//go:build unix

package safefile

import (
	"os"
	"syscall"
)

// ownedBy reports whether a file is of a user, or of root.
func ownedBy(info os.FileInfo, user int) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == user)
}
