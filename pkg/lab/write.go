package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
)

// written begins the first line of each file that Write writes; a sum of the rest follows.
const written = `Written by "kubectl dualstack lab export", sha256 `

// Write writes files below a folder, which it makes. A file that is there and was not written by an earlier call, or was changed
// since, is not touched, and nothing else either, unless force is set. No file is ever there by half.
func Write(dir string, files []render.File, force bool) error {
	if !force {
		if err := checkOverwrite(dir, files); err != nil {
			return err
		}
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("make the folder %s: %w", parent, err)
	}
	// Everything is written beside the folder first, on the same file system, and then moved.
	staging, err := os.MkdirTemp(parent, ".dualstack-export-")
	if err != nil {
		return fmt.Errorf("write beside the folder %s: %w", dir, err)
	}
	defer os.RemoveAll(staging)
	for _, f := range files {
		if err := writeFile(filepath.Join(staging, filepath.FromSlash(f.Path)), sealed(f)); err != nil {
			return err
		}
	}
	for _, f := range files {
		to := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("make the folder of %s: %w", to, err)
		}
		if err := os.Rename(filepath.Join(staging, filepath.FromSlash(f.Path)), to); err != nil {
			return fmt.Errorf("put %s in its place: %w", to, err)
		}
	}
	return nil
}

func writeFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w", path, err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// checkOverwrite returns an error that names the files that are somebody's.
func checkOverwrite(dir string, files []render.File) error {
	var foreign []string
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		raw, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("look at what is there: %w", err)
		case !isSealed(string(raw)):
			foreign = append(foreign, path)
		}
	}
	if len(foreign) > 0 {
		return fmt.Errorf("%s: not written by \"lab export\", or changed since: --force overwrites it, another folder keeps it",
			strings.Join(foreign, ", "))
	}
	return nil
}

// sealed is the text of a file behind a comment that tells later calls that it is theirs.
func sealed(f render.File) string {
	open, end := "# ", ""
	switch filepath.Ext(f.Path) {
	case ".config": // EOS
		open = "! "
	case ".md":
		open, end = "<!-- ", " -->"
	}
	return open + written + sum(f.Text) + end + "\n" + f.Text
}

func isSealed(text string) bool {
	first, rest, _ := strings.Cut(text, "\n")
	_, seal, found := strings.Cut(first, written)
	return found && strings.TrimSuffix(seal, " -->") == sum(rest)
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}
