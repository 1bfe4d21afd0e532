// Package archive writes container images as the archives that "docker load" and "ctr images import" read, straight
// from files of the host and without a container runtime. The same input gives the same bytes, hence the same image
// IDs. It reads no archives and compresses nothing.
package archive

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"time"
)

// Layer is one layer of an image. It writes itself as a tar stream, the same bytes every time. Layers are compared with
// ==, so that one that several images share is read once.
type Layer interface {
	WriteTar(w io.Writer) error
}

// Image is an image to write.
type Image struct {
	Name   string // repository and tag
	Layers []Layer
	Config Config
}

// Config is the part of an image's configuration that is of use here. The keys are those of the OCI image
// configuration.
type Config struct {
	Env        []string          `json:",omitempty"`
	Entrypoint []string          `json:",omitempty"`
	Cmd        []string          `json:",omitempty"`
	StopSignal string            `json:",omitempty"`
	Labels     map[string]string `json:",omitempty"`
}

type imageFile struct {
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Created      time.Time `json:"created"`
	Config       Config    `json:"config"`
	RootFS       rootFS    `json:"rootfs"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type manifestEntry struct {
	Config   string   `json:"Config"`
	RepoTags []string `json:"RepoTags"`
	Layers   []string `json:"Layers"`
}

// epoch is the time of everything in an archive: a real one would change the bytes with every run.
func epoch() time.Time { return time.Unix(0, 0).UTC() }

// Write writes the images to w as one archive. Layers that images share are written once.
func Write(w io.Writer, images ...Image) error {
	a := writer{tar: tar.NewWriter(w), digests: map[Layer]string{}, written: map[string]bool{}}
	manifest := make([]manifestEntry, 0, len(images))
	for _, img := range images {
		entry, err := a.image(img)
		if err != nil {
			return fmt.Errorf("archive image %s: %w", img.Name, err)
		}
		manifest = append(manifest, entry)
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		return fmt.Errorf("archive manifest: %w", err)
	}
	if err := a.file("manifest.json", data); err != nil {
		return fmt.Errorf("archive manifest: %w", err)
	}
	return a.tar.Close()
}

type writer struct {
	tar     *tar.Writer
	digests map[Layer]string // layer -> its digest in hexadecimal
	written map[string]bool  // digests of the layers that are in the archive
}

func (a *writer) image(img Image) (manifestEntry, error) {
	file := imageFile{
		Architecture: runtime.GOARCH, OS: "linux", Created: epoch(), Config: img.Config, RootFS: rootFS{Type: "layers"},
	}
	entry := manifestEntry{RepoTags: []string{img.Name}}
	for _, layer := range img.Layers {
		digest, err := a.layer(layer)
		if err != nil {
			return entry, err
		}
		file.RootFS.DiffIDs = append(file.RootFS.DiffIDs, "sha256:"+digest)
		entry.Layers = append(entry.Layers, layerName(digest))
	}
	data, err := json.Marshal(file)
	if err != nil {
		return entry, err
	}
	sum := sha256.Sum256(data)
	entry.Config = hex.EncodeToString(sum[:]) + ".json"
	return entry, a.file(entry.Config, data)
}

// layer writes a layer unless it is in the archive already. A tar header precedes its content and must tell its size,
// so the layer is produced twice: to measure and hash it, and to write it.
func (a *writer) layer(l Layer) (string, error) {
	if digest, ok := a.digests[l]; ok {
		return digest, nil
	}
	hash, size := sha256.New(), new(counter)
	if err := l.WriteTar(io.MultiWriter(hash, size)); err != nil {
		return "", err
	}
	digest := hex.EncodeToString(hash.Sum(nil))
	a.digests[l] = digest
	if a.written[digest] {
		return digest, nil
	}
	a.written[digest] = true
	header := tar.Header{Name: layerName(digest), Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(*size), ModTime: epoch()}
	if err := a.tar.WriteHeader(&header); err != nil {
		return "", err
	}
	return digest, l.WriteTar(a.tar)
}

func (a *writer) file(name string, data []byte) error {
	header := tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data)), ModTime: epoch()}
	if err := a.tar.WriteHeader(&header); err != nil {
		return err
	}
	_, err := a.tar.Write(data)
	return err
}

func layerName(digest string) string { return digest + "/layer.tar" }

// counter is a writer that counts bytes.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
