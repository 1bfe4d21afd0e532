package offline

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
)

// The source of the code that puts files together is a part of the keys, since it decides how they come out.
var (
	//go:embed archive/layer.go
	layerSource string
	//go:embed archive/archive.go
	archiveSource string
	//go:embed rootfs.go
	rootfsSource string
)

// key hashes parts, in which everything is named that decides what an artifact is like. Each part goes in with its
// length, so that no two lists of parts run into one.
func key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d\n%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:20]
}
