package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// The ways to install Calico.
const (
	InstallOperator = "operator"
	InstallManifest = "manifest"
)

// DefaultCalicoVersion is the newest release that this version of the tool knows.
const DefaultCalicoVersion = "v3.32.1"

// publishedManifests is where the Calico project publishes the manifests of a version.
const publishedManifests = "https://raw.githubusercontent.com/projectcalico/calico/%s/manifests"

// Calico's files, as the project publishes them. Operators before v3.30 bring their definitions in tigera-operator.yaml.
const (
	fileVXLAN        = "calico-vxlan.yaml"
	fileOperator     = "tigera-operator.yaml"
	fileOperatorCRDs = "operator-crds.yaml"
)

// maxManifest bounds the size of one manifest, in bytes. Calico's largest has about 2 MiB.
const maxManifest = 32 << 20

var versionPattern = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// manifests are the objects that install Calico on the cluster.
type manifests struct {
	first []*unstructured.Unstructured // what Calico publishes, with our changes
	then  []*unstructured.Unstructured // our own resources, of the kinds that the first ones define
}

// source reads Calico's files from a folder or from below a URL.
type source struct {
	location string
	http     *http.Client
}

// loadCalico reads Calico's manifests and adapts them to the lab.
func (m *Manager) loadCalico(ctx context.Context, o CreateOptions) (manifests, error) {
	location, err := o.calicoLocation()
	if err != nil {
		return manifests{}, err
	}
	s := source{location: location, http: m.HTTP}
	if o.CalicoInstall == InstallManifest {
		return s.manifest(ctx, o.Lab, o.CalicoVersion)
	}
	return s.operator(ctx, o.Lab)
}

// calicoLocation returns the folder or URL that has Calico's manifests.
func (o CreateOptions) calicoLocation() (string, error) {
	switch {
	case o.CalicoVersion != "" && !versionPattern.MatchString(o.CalicoVersion):
		return "", fmt.Errorf("calico version %q: give one as v3.32.1", o.CalicoVersion)
	case o.CalicoManifests != "":
		return o.CalicoManifests, nil
	default:
		return fmt.Sprintf(publishedManifests, cmp.Or(o.CalicoVersion, DefaultCalicoVersion)), nil
	}
}

func (s source) manifest(ctx context.Context, l spec.Lab, version string) (manifests, error) {
	raw, err := s.read(ctx, fileVXLAN)
	if err != nil {
		return manifests{}, err
	}
	objects, err := render.CalicoManifest(raw, l)
	if err != nil {
		return manifests{}, fmt.Errorf("%s in %s: %w", fileVXLAN, s.location, err)
	}
	if has := render.CalicoVersion(objects); version != "" && has != version {
		return manifests{}, fmt.Errorf("calico %s was asked for, but %s in %s installs %s", version, fileVXLAN, s.location, has)
	}
	text, err := render.Pools(l)
	if err != nil {
		return manifests{}, err
	}
	pools, err := render.Objects(text)
	return manifests{first: objects, then: pools}, err
}

func (s source) operator(ctx context.Context, l spec.Lab) (manifests, error) {
	var all manifests
	for _, file := range []string{fileOperatorCRDs, fileOperator} {
		raw, err := s.read(ctx, file)
		if errors.Is(err, fs.ErrNotExist) && file == fileOperatorCRDs {
			continue // before v3.30 the operator's own file has them
		}
		if err != nil {
			return manifests{}, err
		}
		objects, err := render.Objects(raw)
		if err != nil {
			return manifests{}, fmt.Errorf("%s in %s: %w", file, s.location, err)
		}
		all.first = append(all.first, objects...)
	}
	text, err := render.Installation(l)
	if err != nil {
		return manifests{}, err
	}
	all.then, err = render.Objects(text)
	return all, err
}

// read returns a file's text. For an absent file the error is fs.ErrNotExist.
func (s source) read(ctx context.Context, name string) (string, error) {
	if strings.HasPrefix(s.location, "https://") || strings.HasPrefix(s.location, "http://") {
		return s.fetch(ctx, strings.TrimSuffix(s.location, "/")+"/"+name)
	}
	f, err := os.Open(filepath.Join(s.location, name))
	if err != nil {
		return "", fmt.Errorf("read Calico's manifest: %w", err)
	}
	defer f.Close()
	return readLimited(f, name)
}

// fetchTimeout bounds the download of one manifest.
const fetchTimeout = time.Minute

func (s source) fetch(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("fetch Calico's manifest: %w", err)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		if failed := (*neturl.Error)(nil); errors.As(err, &failed) {
			err = failed.Err // a *url.Error would be taken for the API server's
		}
		return "", fmt.Errorf("fetch Calico's manifest %s: %w: --calico-manifests takes a folder or another URL", url, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return "", fmt.Errorf("fetch Calico's manifest %s: %w: is there such a version of Calico?", url, fs.ErrNotExist)
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("fetch Calico's manifest %s: the server says %s", url, resp.Status)
	}
	return readLimited(resp.Body, url)
}

func readLimited(r io.Reader, name string) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return "", fmt.Errorf("read Calico's manifest %s: %w", name, err)
	}
	if len(raw) > maxManifest {
		return "", fmt.Errorf("read Calico's manifest %s: larger than %d MiB", name, maxManifest>>20)
	}
	return string(raw), nil
}
