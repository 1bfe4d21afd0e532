//go:build !unix

package offline

import "io/fs"

func inode(fs.FileInfo) (number uint64, shared bool) { return 0, false }
