package offline

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// splitUserland packs the tree at root into dir: what only nodes need into nodeLayer, all else into podLayer. The
// folders are in both, since a layer must say of each of its folders what it is like.
func splitUserland(root, dir string) (err error) {
	onlyNodes, err := nodeFiles(root)
	if err != nil {
		return err
	}
	pods, err := newLayerFile(root, filepath.Join(dir, podLayer))
	if err != nil {
		return err
	}
	nodes, err := newLayerFile(root, filepath.Join(dir, nodeLayer))
	if err != nil {
		return errors.Join(err, pods.close())
	}
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case d.IsDir():
			if err := errors.Join(pods.add(name), nodes.add(name)); err != nil || !slices.Contains(excluded(), name) {
				return err
			}
			return fs.SkipDir
		case slices.Contains(excluded(), name):
			return nil
		case onlyNodes[name]:
			return nodes.add(name)
		default:
			return pods.add(name)
		}
	})
	return errors.Join(err, pods.close(), nodes.close())
}

// nodeFiles returns what the packages that only nodes need have put into root, without folders, as "usr/sbin/runc".
func nodeFiles(root string) (map[string]bool, error) {
	lists, err := filepath.Glob(filepath.Join(root, "var/lib/dpkg/info/*.list"))
	if err != nil {
		return nil, err
	}
	files := map[string]bool{}
	for _, list := range lists {
		name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(list), ".list"), ":") // "libc6:amd64.list"
		if !onlyForNodes(name) {
			continue
		}
		data, err := os.ReadFile(list)
		if err != nil {
			return nil, err
		}
		for entry := range strings.Lines(string(data)) {
			files[mergedUsr(strings.TrimSpace(entry))] = true
		}
	}
	return files, nil
}

func onlyForNodes(name string) bool {
	return slices.ContainsFunc(nodePackages(), func(pattern string) bool {
		matched, err := path.Match(pattern, name)
		return err == nil && matched
	})
}

// mergedUsr returns where a package's file lies below the root when /bin, /sbin and /lib are links into /usr.
func mergedUsr(name string) string {
	name = strings.TrimPrefix(name, "/")
	switch top, _, _ := strings.Cut(name, "/"); top {
	case "bin", "sbin", "lib", "lib64":
		return "usr/" + name
	}
	return name
}

// layerFile is a tar file of parts of a tree.
type layerFile struct {
	root  string
	file  *os.File
	tar   *tar.Writer
	links map[uint64]string // inode -> the name under which it is in the tar file
}

func newLayerFile(root, name string) (*layerFile, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	return &layerFile{root: root, file: f, tar: tar.NewWriter(f), links: map[uint64]string{}}, nil
}

// add adds a file, folder or link. Device files are left out: whoever runs a container gives it its own. So are
// extended attributes: a ping with the capability to open raw sockets could not be started where that cannot be
// granted.
func (l *layerFile) add(name string) error {
	full := filepath.Join(l.root, name)
	info, err := os.Lstat(full)
	if err != nil {
		return err
	}
	if info.Mode()&(fs.ModeDevice|fs.ModeSocket|fs.ModeNamedPipe) != 0 {
		return nil
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(full); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	header.Name, header.Format = name, tar.FormatPAX
	header.Uname, header.Gname = "", "" // owners go by number: the names would be this machine's
	if info.IsDir() {
		header.Name += "/"
	}
	if first := l.linked(info, name); first != "" {
		header.Typeflag, header.Linkname, header.Size = tar.TypeLink, first, 0
	}
	return l.write(header, full)
}

// linked returns under which name the file is in the tar already, if it is.
func (l *layerFile) linked(info fs.FileInfo, name string) string {
	inode, shared := inode(info)
	if !shared || !info.Mode().IsRegular() {
		return ""
	}
	first := l.links[inode]
	if first == "" {
		l.links[inode] = name
	}
	return first
}

func (l *layerFile) write(header *tar.Header, full string) error {
	if err := l.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("pack %s: %w", header.Name, err)
	}
	if header.Typeflag != tar.TypeReg {
		return nil
	}
	r, err := os.Open(full)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(l.tar, r)
	return err
}

func (l *layerFile) close() error { return errors.Join(l.tar.Close(), l.file.Close()) }

// copyPlugins copies cniPlugins out of root into dir, for the image that brings them to the nodes.
func copyPlugins(root, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, name := range cniPlugins() {
		data, err := os.ReadFile(filepath.Join(root, "usr/lib/cni", name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o755); err != nil {
			return err
		}
	}
	return nil
}
