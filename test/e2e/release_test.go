//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline"
)

// release is what the labs of the tests are made of: what test/offline builds or, where the environment names a node image, what the
// environment says. Then the images are those that are published, or come from archives.
type release struct {
	built     bool
	nodeImage string   // DUALSTACK_E2E_NODE_IMAGE
	install   string   // DUALSTACK_E2E_CALICO_INSTALL: manifest or operator
	calico    string   // DUALSTACK_E2E_CALICO_VERSION
	manifests string   // DUALSTACK_E2E_CALICO_MANIFESTS; empty: where Calico publishes them
	archives  []string // DUALSTACK_E2E_IMAGE_ARCHIVES, with commas
	proxy     string   // DUALSTACK_E2E_KUBE_PROXY_MODE: nftables, say; empty: kind's default
}

// releaseOf reads the environment.
func releaseOf(built offline.Env) (release, error) {
	get := func(name string) string { return os.Getenv("DUALSTACK_E2E_" + name) }
	r := release{nodeImage: get("NODE_IMAGE"), install: get("CALICO_INSTALL"), calico: get("CALICO_VERSION"), manifests: get("CALICO_MANIFESTS"),
		proxy: get("KUBE_PROXY_MODE")}
	if archives := get("IMAGE_ARCHIVES"); archives != "" {
		r.archives = strings.Split(archives, ",")
	}
	if r.nodeImage == "" {
		return release{built: true, nodeImage: built.NodeImage, install: "manifest", calico: built.CalicoVersion, manifests: built.CalicoManifests,
			proxy: r.proxy}, nil
	}
	if _, err := version.ParseSemantic(r.calico); err != nil || r.install != "manifest" && r.install != "operator" {
		return r, fmt.Errorf("DUALSTACK_E2E_NODE_IMAGE is set: so must DUALSTACK_E2E_CALICO_VERSION (%q) and _CALICO_INSTALL (%q) be", r.calico, r.install)
	}
	return r, nil
}

// args are the flags of "lab create" for it. The lab's file is written to a folder.
func (r release) args(dir string) ([]string, error) {
	args := []string{"--node-image", r.nodeImage, "--calico-install", r.install, "--calico-version", r.calico}
	if r.manifests != "" {
		args = append(args, "--calico-manifests", r.manifests)
	}
	for _, a := range r.archives {
		args = append(args, "--image-archive", a)
	}
	if r.proxy != "" {
		file := filepath.Join(dir, "proxy.yaml")
		args = append(args, "--config", file)
		if err := os.WriteFile(file, []byte("apiVersion: dualstack/v1alpha1\nkind: Lab\nkubeProxyMode: "+r.proxy+"\n"), 0o644); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// since reports whether Calico is at least of a version.
func (r release) since(v string) bool {
	return version.MustParseSemantic(r.calico).AtLeast(version.MustParseSemantic(v))
}

// namespace is where calico-node runs.
func (r release) namespace() string {
	if r.install == "operator" {
		return "calico-system"
	}
	return "kube-system"
}

// kind is the full name of one of Calico's resources for kubectl: the operator installs native ones since v3.33.
func (r release) kind(plural string) string {
	if r.install == "operator" && r.since("v3.33.0") {
		return plural + ".projectcalico.org"
	}
	return plural + ".crd.projectcalico.org"
}

// routeOptions are what Felix's routes have besides: an mtu in the tunnel since v3.31, a metric in IPv4 since v3.32.
func (r release) routeOptions(ipv6 bool, mtu int) []string {
	var options []string
	if r.since("v3.31.0") && ipv6 {
		options = append(options, "mtu", fmt.Sprint(mtu))
	}
	if r.since("v3.32.0") && !ipv6 {
		options = append(options, "metric", "1024")
	}
	return options
}

// needsBuilt skips a test that needs the output of test/offline: unpublished images, or a calicoctl of the same version.
func needsBuilt(t testing.TB, what string) {
	t.Helper()
	if !w.release.built {
		t.Skipf("it needs %s, and DUALSTACK_E2E_NODE_IMAGE names another release", what)
	}
}
