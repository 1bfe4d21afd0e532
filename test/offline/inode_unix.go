//go:build unix

package offline

import (
	"io/fs"
	"syscall"
)

// inode returns the file's inode, and whether several names share it.
func inode(info fs.FileInfo) (number uint64, shared bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return stat.Ino, stat.Nlink > 1
}
