package offline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/host"
)

// BIRDVersion is that of Debian's BIRD, which stands in for Calico's fork of the same release. Debian has it in bookworm only: newer
// suites have BIRD 2 and 3, whose configuration is another language than that of Calico's templates.
const BIRDVersion = "1.6.8-2.1+b1"

// birdSums are the SHA-256 of Debian's packages.
func birdSums() map[string]string {
	return map[string]string{
		"amd64": "a7c5c4ac9eae071be75ea05c86ff6ae52c3c4aecdbf0709321a1722ae3269106",
		"arm64": "5e1063cbd7c1066506f723ac4eb18c9ebb0fcb663d339c5710f6cd3e6ef4f3cc",
	}
}

// birdPrograms are the daemons and the clients of both families.
func birdPrograms() []string { return []string{"bird", "bird6", "birdc", "birdc6"} }

// Calico's fork has a client of its own, with Calico's socket as its default. Debian's has a terminal for a user, and does
// without one for a command. The last -s counts, so that Calico's own calls work.
const birdClient = "#!/bin/sh\nexec birdc -s /var/run/calico/%s.ctl \"$@\"\n"

// birdFiles are what calico-node needs for BGP: BIRD, and the templates of its configuration.
func birdFiles() []file {
	const templates = "confd/etc/calico/confd"
	files := []file{
		{path: "/etc/calico/confd", mode: 0o644, tree: &tree{module: "calico", path: calicoModule, folder: templates}},
		// The one word of the templates that is not BIRD's own: an attribute of the fork's, for the routes of IPIP. As a variable of
		// the filter it means nothing.
		{path: "/etc/calico/confd/templates/bird_ipam.cfg.template", mode: 0o644, tree: &tree{module: "calico", path: calicoModule,
			folder: templates + "/templates/bird_ipam.cfg.template", edit: []edit{{
				old: "\nfilter calico_kernel_programming {\n", new: "\nfilter calico_kernel_programming string krt_tunnel; {\n"}}}},
		{path: "/etc/calico/confd/config", mode: os.ModeDir | 0o755},
	}
	for _, name := range birdPrograms() {
		files = append(files, file{path: "/usr/bin/" + name, bird: name})
	}
	return append(files, file{path: "/usr/bin/birdcl", mode: 0o755, data: fmt.Sprintf(birdClient, "bird")},
		file{path: "/usr/bin/birdcl6", mode: 0o755, data: fmt.Sprintf(birdClient, "bird6")})
}

// bird is Debian's BIRD, unpacked.
func (l *Lab) bird() artifact {
	return artifact{name: "bird", key: key("bird", BIRDVersion, runtime.GOARCH, birdSums()[runtime.GOARCH]), build: l.buildBIRD}
}

func (l *Lab) buildBIRD(ctx context.Context, dir string) error {
	sum, ok := birdSums()[runtime.GOARCH]
	if !ok {
		return fmt.Errorf("get Debian's BIRD: its checksum for %s is not known", runtime.GOARCH)
	}
	if err := host.Require(ctx, l.Run, l.Report, host.Tool{Program: "dpkg-deb", Packages: []string{"dpkg"}}); err != nil {
		return fmt.Errorf("unpack Debian's BIRD: %w", err)
	}
	mirror, err := l.debianMirror(ctx)
	if err != nil {
		return err
	}
	return l.step("get Debian's BIRD", func(p *progress) error {
		deb, root := filepath.Join(dir, "bird.deb"), filepath.Join(dir, "root")
		url := fmt.Sprintf("%s/pool/main/b/bird/bird_%s_%s.deb", mirror, BIRDVersion, runtime.GOARCH)
		if err := fetch(ctx, url, deb, sum); err != nil {
			return err
		}
		if err := p.command(ctx, l.Run, run.Cmd{Name: "dpkg-deb", Args: []string{"--extract", deb, root}}); err != nil {
			return err
		}
		for _, name := range birdPrograms() {
			if err := os.Rename(filepath.Join(root, "usr/sbin", name), filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		return errors.Join(os.RemoveAll(root), os.Remove(deb))
	})
}

// fetch writes what is at a URL to a file, if it has the SHA-256 that it must have.
func fetch(ctx context.Context, url, name, sum string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: %s", url, resp.Status)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, hash), resp.Body)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("get %s: %w", url, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != sum {
		return fmt.Errorf("get %s: its SHA-256 is %s, and must be %s", url, got, sum)
	}
	return nil
}
