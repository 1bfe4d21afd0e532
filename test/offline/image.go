package offline

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/archive"
)

// keyLabel is the label of an image that holds the key of what it was built from.
const keyLabel = "dualstack.offline.key"

// image says what an image is made of, before any of it is built.
type image struct {
	name     string
	userland []string // layers of the Debian userland that it stands on, lowest first
	files    []file
	config   archive.Config
}

// file is a file, a link, or a tree of files of an image. One of the fields below path says where it comes from.
type file struct {
	path     string
	mode     fs.FileMode // of data and of all files of a tree; programs are for everybody to run
	data     string
	symlink  string
	hardlink string
	program  string
	plugin   string // one of cniPlugins
	bird     string // one of birdPrograms
	tree     *tree
}

// tree is a folder in a Go module's source, or one file of it.
type tree struct {
	module string // whose go.mod decides on the version
	path   string // the Go module
	folder string
	edit   []edit // of the one file
}

// edit replaces the one place of a file where old is, or appends new where old is empty.
type edit struct{ old, new string }

// key names all that goes into the image.
func (l *Lab) imageKey(img image) (string, error) {
	config, err := json.Marshal(img.config)
	if err != nil {
		return "", fmt.Errorf("key of %s: %w", img.name, err)
	}
	parts := []string{"image", layerSource, archiveSource, img.name, string(config)}
	if len(img.userland) > 0 {
		parts = append(parts, l.userland().key, strings.Join(img.userland, ","))
	}
	for _, f := range img.files {
		part, err := l.fileKey(f)
		if err != nil {
			return "", fmt.Errorf("key of %s: %w", img.name, err)
		}
		parts = append(parts, part)
	}
	return key(parts...), nil
}

func (l *Lab) fileKey(f file) (string, error) {
	what := key("file", f.path, f.mode.String(), f.data, f.symlink, f.hardlink, f.program, f.plugin, f.bird)
	switch {
	case f.program != "":
		p, err := programNamed(f.program)
		if err != nil {
			return "", err
		}
		k, err := l.programKey(p)
		return key(what, k), err
	case f.plugin != "":
		return key(what, l.userland().key), nil
	case f.bird != "":
		return key(what, l.bird().key), nil
	case f.tree != nil:
		version, err := requiredVersion(filepath.Join(l.moduleDir(f.tree.module), "go.mod"), f.tree.path)
		return key(what, f.tree.path, version, f.tree.folder, fmt.Sprint(f.tree.edit)), err
	default:
		return what, nil
	}
}

// requiredVersion returns the version of a module that a go.mod requires.
func requiredVersion(gomod, module string) (string, error) {
	data, err := os.ReadFile(gomod)
	if err != nil {
		return "", err
	}
	mod, err := modfile.ParseLax(gomod, data, nil)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", gomod, err)
	}
	for _, r := range mod.Require {
		if r.Mod.Path == module {
			return r.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("%s does not require %s", gomod, module)
}

// assemble builds what the image is made of, where it is missing, and returns the image with its key as a label.
func (l *Lab) assemble(ctx context.Context, img image) (archive.Image, error) {
	k, err := l.imageKey(img)
	if err != nil {
		return archive.Image{}, err
	}
	out := archive.Image{Name: img.name, Config: img.config}
	out.Config.Labels = map[string]string{keyLabel: k}
	for _, layer := range img.userland {
		dir, err := l.store().ensure(ctx, l.userland())
		if err != nil {
			return out, err
		}
		out.Layers = append(out.Layers, archive.TarFile(filepath.Join(dir, layer)))
	}
	var entries []archive.Entry
	for _, f := range img.files {
		more, err := l.entries(ctx, f)
		if err != nil {
			return out, fmt.Errorf("assemble %s: %w", img.name, err)
		}
		entries = append(entries, more...)
	}
	out.Layers = append(out.Layers, archive.NewFiles(entries))
	return out, nil
}

func (l *Lab) entries(ctx context.Context, f file) ([]archive.Entry, error) {
	entry := archive.Entry{Path: f.path, Mode: f.mode}
	switch {
	case f.program != "":
		p, err := programNamed(f.program)
		if err != nil {
			return nil, err
		}
		entry.Mode = 0o755
		entry.Source, err = l.program(ctx, p)
		return []archive.Entry{entry}, err
	case f.plugin != "":
		dir, err := l.store().ensure(ctx, l.userland())
		entry.Mode, entry.Source = 0o755, filepath.Join(dir, pluginsDir, f.plugin)
		return []archive.Entry{entry}, err
	case f.bird != "":
		dir, err := l.store().ensure(ctx, l.bird())
		entry.Mode, entry.Source = 0o755, filepath.Join(dir, f.bird)
		return []archive.Entry{entry}, err
	case f.tree != nil:
		return l.treeEntries(ctx, f)
	default:
		entry.Data, entry.Symlink, entry.Hardlink = []byte(f.data), f.symlink, f.hardlink
		return []archive.Entry{entry}, nil
	}
}

// treeEntries takes files out of a module's source. Their modes there are those of the module cache, read-only for all.
func (l *Lab) treeEntries(ctx context.Context, f file) ([]archive.Entry, error) {
	source, err := l.source(ctx, f.tree.module, f.tree.path)
	if err != nil {
		return nil, err
	}
	root := filepath.Join(source, f.tree.folder)
	if len(f.tree.edit) > 0 {
		data, err := edited(root, f.tree.edit)
		return []archive.Entry{{Path: f.path, Mode: f.mode, Data: data}}, err
	}
	var entries []archive.Entry
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		below, err := filepath.Rel(root, name)
		entries = append(entries, archive.Entry{Path: path.Join(f.path, filepath.ToSlash(below)), Mode: f.mode, Source: name})
		return err
	})
	return entries, err
}

func edited(name string, edits []edit) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	text := string(data)
	for _, e := range edits {
		if e.old == "" {
			text += e.new
			continue
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("edit %s: %q is in it %d times instead of once", name, e.old, n)
		}
		text = strings.Replace(text, e.old, e.new, 1)
	}
	return []byte(text), nil
}
