package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// TarFile is a layer that lies on the host as a tar file, uncompressed.
type TarFile string

// WriteTar implements Layer.
func (f TarFile) WriteTar(w io.Writer) error {
	r, err := os.Open(string(f))
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}

// Files is a layer that is made of single files.
type Files struct {
	entries []Entry
}

// Entry is one file, folder or link of a layer. Exactly one of Source, Data, Symlink and Hardlink says what it is;
// none of them means a folder where Mode says so, else an empty file. All belong to root.
type Entry struct {
	Path     string      // in the image, absolute
	Mode     fs.FileMode // permissions; with fs.ModeDir for a folder and fs.ModeSticky where it is meant. Links need none
	Source   string      // file of the host that has the content
	Data     []byte
	Symlink  string // where the link points to
	Hardlink string // path of an entry before this one
}

// NewFiles returns the layer of these entries. The folders above them are added. On an image whose /bin, /sbin and
// /lib are links into /usr, as Debian's are, the entries are put where those links lead: a folder of that name in a
// layer would hide the link, and with it all that is behind it. Of two entries with one path the later one counts;
// Docker refuses a layer with both.
func NewFiles(entries []Entry) *Files {
	f := &Files{}
	at := map[string]int{} // path -> index in f.entries
	for _, e := range entries {
		e.Path = inUsr(e.Path)
		if e.Hardlink != "" {
			e.Hardlink = inUsr(e.Hardlink)
			if i, ok := at[e.Hardlink]; ok {
				e.Mode = f.entries[i].Mode // whoever unpacks a link sets the mode of the file that both names share
			}
		}
		f.addParents(e.Path, at)
		f.put(e, at)
	}
	return f
}

func (f *Files) put(e Entry, at map[string]int) {
	if i, ok := at[e.Path]; ok {
		f.entries[i] = e
		return
	}
	at[e.Path] = len(f.entries)
	f.entries = append(f.entries, e)
}

// addParents adds the folders above name. Whoever unpacks a layer makes up those that it does not hold, and Docker
// makes them up with a mode that only root can enter.
func (f *Files) addParents(name string, at map[string]int) {
	dir := path.Dir(name)
	if _, ok := at[dir]; ok || dir == "." {
		return
	}
	f.addParents(dir, at)
	f.put(Entry{Path: dir, Mode: fs.ModeDir | folderMode(dir)}, at)
}

func folderMode(name string) fs.FileMode {
	switch name {
	case "tmp", "var/tmp":
		return 0o777 | fs.ModeSticky
	case "root":
		return 0o700
	default:
		return 0o755
	}
}

// inUsr returns the path relative to the image's root, with the links that a merged /usr has followed.
func inUsr(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	first, _, _ := strings.Cut(name, "/")
	switch first {
	case "bin", "sbin", "lib", "lib64":
		return "usr/" + name
	}
	return name
}

// WriteTar implements Layer.
func (f *Files) WriteTar(w io.Writer) error {
	tw := tar.NewWriter(w)
	for _, e := range f.entries {
		if err := e.write(tw); err != nil {
			return fmt.Errorf("layer file /%s: %w", e.Path, err)
		}
	}
	return tw.Close()
}

func (e Entry) write(tw *tar.Writer) error {
	h := tar.Header{Name: e.Path, Mode: int64(e.Mode.Perm()), ModTime: epoch(), Format: tar.FormatPAX}
	if e.Mode&fs.ModeSticky != 0 {
		h.Mode |= 0o1000
	}
	switch {
	case e.Mode.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, e.Path+"/"
	case e.Symlink != "":
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, e.Symlink, 0o777
	case e.Hardlink != "":
		h.Typeflag, h.Linkname = tar.TypeLink, e.Hardlink
	case e.Source != "":
		return e.writeSource(tw, h)
	default:
		h.Typeflag, h.Size = tar.TypeReg, int64(len(e.Data))
	}
	if err := tw.WriteHeader(&h); err != nil {
		return err
	}
	_, err := io.Copy(tw, bytes.NewReader(e.Data))
	return err
}

func (e Entry) writeSource(tw *tar.Writer, h tar.Header) error {
	r, err := os.Open(e.Source)
	if err != nil {
		return err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return err
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	if err := tw.WriteHeader(&h); err != nil {
		return err
	}
	_, err = io.Copy(tw, r)
	return err
}
