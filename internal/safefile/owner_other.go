//go:build !unix

package safefile

import "os"

// ownedBy reports whether a file is of a user. On Windows only administrators make links.
func ownedBy(os.FileInfo, int) bool { return true }
