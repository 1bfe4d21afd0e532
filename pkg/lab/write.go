package lab

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
)

// written begins the first line of each file that Write writes; a sum of the rest follows.
const written = `Written by "kubectl dualstack lab export", sha256 `

// Write writes files below a folder, which it creates. It follows no symbolic link out of the folder, and the folder itself must
// not be one: in a place that others write to, it would lead where they want. A file that exists and was not written by an earlier
// call, or was changed since, is left alone, and so are all others, unless force is set. No file is ever half-written.
func Write(dir string, files []render.File, force bool) error {
	if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s: is a symbolic link: name the folder that it leads to", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder %s: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the folder %s: %w", dir, err)
	}
	defer root.Close()
	if !force {
		if err := checkOverwrite(root, dir, files); err != nil {
			return err
		}
	}
	// Everything is written aside first, on the same file system, and then moved.
	staging := ".dualstack-export-" + rand.Text()
	if err := root.Mkdir(staging, 0o700); err != nil {
		return fmt.Errorf("write to the folder %s: %w", dir, err)
	}
	defer func() { _ = root.RemoveAll(staging) }() // an empty folder, unless an error is on its way
	for i, f := range files {
		if err := root.WriteFile(filepath.Join(staging, strconv.Itoa(i)), []byte(sealed(f)), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", filepath.Join(dir, f.Path), err)
		}
	}
	for i, f := range files {
		to := filepath.FromSlash(f.Path)
		if err := root.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("make the folder of %s: %w", filepath.Join(dir, to), err)
		}
		if err := root.Rename(filepath.Join(staging, strconv.Itoa(i)), to); err != nil {
			return fmt.Errorf("put %s in its place: %w", filepath.Join(dir, to), err)
		}
	}
	return nil
}

// checkOverwrite returns an error that names the files that an earlier call did not write.
func checkOverwrite(root *os.Root, dir string, files []render.File) error {
	var foreign []string
	for _, f := range files {
		raw, err := root.ReadFile(filepath.FromSlash(f.Path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("look at what is in %s: %w", dir, err)
		case !isSealed(string(raw)):
			foreign = append(foreign, filepath.Join(dir, filepath.FromSlash(f.Path)))
		}
	}
	if len(foreign) > 0 {
		return fmt.Errorf("%s: not written by \"lab export\", or changed since: --force overwrites it, another folder keeps it",
			strings.Join(foreign, ", "))
	}
	return nil
}

// sealed returns the text of a file behind a comment by which later calls recognize it.
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
