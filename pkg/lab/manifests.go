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
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
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

// Calico's files, as the project publishes them.
const (
	fileVXLAN    = "calico-vxlan.yaml"
	fileOperator = "tigera-operator.yaml"
)

// definitionFiles are those that define what the operator's manifest needs, the preferred one first. Before v3.30 that manifest has the
// definitions itself. From v3.33 on new installations keep Calico's resources natively in projectcalico.org/v3, as its documentation
// installs it.
func definitionFiles(calicoVersion string) []string {
	const older, same, native = "operator-crds.yaml", "v1_crd_projectcalico_org.yaml", "v3_projectcalico_org.yaml"
	if v, err := version.ParseSemantic(calicoVersion); err == nil && v.AtLeast(version.MustParseSemantic("v3.33.0")) {
		return []string{native, older, same}
	}
	return []string{older, same, native}
}

// maxManifest bounds the size of one manifest, in bytes. Calico's largest has about 2 MiB.
const maxManifest = 32 << 20

var versionPattern = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// manifests are the objects that install Calico on the cluster.
type manifests struct {
	first []*unstructured.Unstructured // what Calico publishes, with our changes
	then  []*unstructured.Unstructured // our own resources, of the kinds that the first ones define
	// location is the folder or URL that first comes from, files the names below it, in the order of their creation.
	location string
	files    []string
	version  string   // of Calico; empty: neither the user nor the manifests say it
	native   bool     // Calico's resources are kept in projectcalico.org, not in crd.projectcalico.org
	images   []string // that the nodes pull
	others   string   // how to learn which more images they pull; empty: none
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
	all := manifests{}
	if o.CalicoInstall == InstallManifest {
		all, err = s.manifest(ctx, o.Lab)
	} else {
		all, err = s.operator(ctx, o)
	}
	if err == nil && o.CalicoVersion != "" && all.version != "" && all.version != o.CalicoVersion {
		err = fmt.Errorf("calico %s was asked for, but %s in %s installs %s", o.CalicoVersion, fileVXLAN, location, all.version)
	}
	all.location, all.version = location, cmp.Or(all.version, o.CalicoVersion)
	return all, err
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

func (s source) manifest(ctx context.Context, l spec.Lab) (manifests, error) {
	raw, err := s.read(ctx, fileVXLAN)
	if errors.Is(err, fs.ErrNotExist) {
		return manifests{}, s.unknown(err)
	}
	if err != nil {
		return manifests{}, err
	}
	objects, err := render.CalicoManifest(raw, l)
	if err != nil {
		return manifests{}, fmt.Errorf("%s in %s: %w", fileVXLAN, s.location, err)
	}
	all := manifests{first: objects, files: []string{fileVXLAN}, version: render.CalicoVersion(objects), native: isNative(objects),
		images: imagesIn(raw)}
	text, err := render.Pools(l, all.native)
	if err != nil {
		return manifests{}, err
	}
	all.then, err = render.Objects(text)
	return all, err
}

func (s source) operator(ctx context.Context, o CreateOptions) (manifests, error) {
	raw, err := s.read(ctx, fileOperator)
	if errors.Is(err, fs.ErrNotExist) {
		return manifests{}, s.unknown(err)
	}
	if err != nil {
		return manifests{}, err
	}
	operator, err := render.Objects(raw)
	if err != nil {
		return manifests{}, fmt.Errorf("%s in %s: %w", fileOperator, s.location, err)
	}
	all := manifests{images: imagesIn(raw)}
	if err := s.addComponents(ctx, &all); err != nil {
		return manifests{}, err
	}
	definitions, file, err := s.definitions(ctx, operator, cmp.Or(all.version, o.CalicoVersion))
	if err != nil {
		return manifests{}, err
	}
	if file != "" {
		all.files = []string{file}
	}
	all.files = append(all.files, fileOperator)
	all.first = append(definitions, operator...)
	all.native = isNative(all.first)
	text, err := render.Installation(o.Lab)
	if err != nil {
		return manifests{}, err
	}
	all.then, err = render.Objects(text)
	return all, err
}

// definitions reads the file with the definitions that the operator's manifest lacks, and returns its name. Without a name it has them.
func (s source) definitions(ctx context.Context, operator []*unstructured.Unstructured, calicoVersion string) (
	[]*unstructured.Unstructured, string, error) {
	if slices.ContainsFunc(operator, func(o *unstructured.Unstructured) bool { return defines(o, defineCR) }) {
		return nil, "", nil
	}
	files := definitionFiles(calicoVersion)
	for _, file := range files {
		raw, err := s.read(ctx, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		objects, err := render.Objects(raw)
		if err != nil {
			return nil, "", fmt.Errorf("%s in %s: %w", file, s.location, err)
		}
		return objects, file, nil
	}
	return nil, "", s.unknown(fmt.Errorf("%s does not define the operator's resources, and there is neither %s", fileOperator, strings.Join(files, " nor ")))
}

// addComponents adds what the operator installs: the images of the manifest that Calico publishes beside the operator's, and those
// that only the operator runs. The folder need not have that manifest: then the version and the images are not known.
func (s source) addComponents(ctx context.Context, all *manifests) error {
	raw, err := s.read(ctx, fileVXLAN)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	components := imagesIn(raw)
	node := slices.IndexFunc(components, func(image string) bool { return strings.Contains(image, "/node:") })
	if node >= 0 {
		all.version = calico.ImageTag(components[node])
		all.images = append(all.images, components...)
	}
	if v, err := version.ParseSemantic(all.version); err == nil && v.LessThan(version.MustParseSemantic("v3.33.0")) {
		for _, name := range []string{"csi", "node-driver-registrar", "pod2daemon-flexvol", "typha"} {
			all.images = append(all.images, strings.Replace(components[node], "/node:", "/"+name+":", 1))
		}
	} else if len(all.images) > 0 {
		all.others = fmt.Sprintf("docker run --rm %s --print-images=list", all.images[0])
	}
	slices.Sort(all.images)
	all.images = slices.Compact(all.images)
	return nil
}

// unknown says that the location does not have the files that a release of Calico has.
func (s source) unknown(err error) error {
	return fmt.Errorf("%s does not look like the folder \"manifests\" of a release of Calico: %w", s.location, err)
}

// isNative reports whether the objects define Calico's resources in projectcalico.org.
func isNative(objects []*unstructured.Unstructured) bool {
	return slices.ContainsFunc(objects, func(o *unstructured.Unstructured) bool { return defines(o, defineNativePools) })
}

func defines(o *unstructured.Unstructured, name string) bool {
	return o.GetKind() == "CustomResourceDefinition" && o.GetName() == name
}

// imageLine is a line of a manifest that names an image.
var imageLine = regexp.MustCompile(`(?m)^[ \t-]*"?image"?:[ \t]*["']?([^\s"'#]+)`)

// imagesIn returns the images that a manifest names, each once.
func imagesIn(manifest string) []string {
	var all []string
	for _, m := range imageLine.FindAllStringSubmatch(manifest, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// read returns a file's text. For an absent file the error is fs.ErrNotExist.
func (s source) read(ctx context.Context, name string) (string, error) {
	if strings.HasPrefix(s.location, "https://") || strings.HasPrefix(s.location, "http://") {
		return s.fetch(ctx, strings.TrimSuffix(s.location, "/")+"/"+name)
	}
	f, err := os.Open(filepath.Join(s.location, name))
	if err != nil {
		return "", s.noFile(name, err)
	}
	defer f.Close()
	return readLimited(f, name)
}

// noFile says which file could not be opened. A folder that is not there is named as such, and is not a file that is merely absent.
func (s source) noFile(name string, err error) error {
	if _, folder := os.Stat(s.location); folder != nil {
		return fmt.Errorf("read Calico's manifests: %s: no such folder", s.location)
	}
	return fmt.Errorf("read Calico's manifest %s: %w", name, err)
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
