// Package labtest has what tests of the lab share: the manifests of Calico's releases, as far as the lab reads them.
package labtest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The objects that the manifests of all releases have, as far as they matter.
const (
	vxlan = `kind: ConfigMap
apiVersion: v1
metadata: {name: calico-config, namespace: kube-system}
data: {cni_network_config: '{"mtu": __CNI_MTU__, "ipam": {"type": "calico-ipam"}}'}
---
kind: DaemonSet
apiVersion: apps/v1
metadata: {name: calico-node, namespace: kube-system}
spec:
  template:
    spec:
      initContainers:
      - name: install-cni
        image: %[1]s/%[3]s:%[2]s
      containers:
      - name: calico-node
        image: %[1]s/node:%[2]s
---
kind: Deployment
apiVersion: apps/v1
metadata: {name: calico-kube-controllers, namespace: kube-system}
spec:
  template:
    spec:
      containers:
      - name: calico-kube-controllers
        image: "%[1]s/%[4]s:%[2]s"
`
	operator = `kind: Deployment
apiVersion: apps/v1
metadata: {name: tigera-operator, namespace: tigera-operator}
spec:
  template:
    spec:
      containers:
      - name: tigera-operator
        image: quay.io/tigera/operator:%s
`
	definition = `---
kind: CustomResourceDefinition
apiVersion: apiextensions.k8s.io/v1
metadata: {name: %s}
spec: {names: {kind: X}, versions: [{schema: {openAPIV3Schema: {properties: {image: {type: string}}}}}]}
`
	custom = "kind: Installation\napiVersion: operator.tigera.io/v1\nmetadata: {name: default}\n"
)

// Definitions is the text of a manifest that defines the kinds of these full names.
func Definitions(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, definition, name)
	}
	return b.String()
}

// Release is a release of Calico with the files of its folder "manifests".
type Release struct {
	Version string
	Files   map[string]string
}

// Releases are the layouts of Calico's releases, oldest first, as their repository has them.
func Releases() []Release {
	const installations, v1, v3 = "installations.operator.tigera.io", "ippools.crd.projectcalico.org", "ippools.projectcalico.org"
	older, native := Definitions(installations, v1), Definitions(installations, v3)
	crds := map[string]string{"operator-crds.yaml": older}
	both := map[string]string{"operator-crds.yaml": older, "v1_crd_projectcalico_org.yaml": older, "v3_projectcalico_org.yaml": native}
	all := []Release{
		release("v3.28.5", "docker.io/calico", "cni", "kube-controllers", "v1.34.13", crds),
		release("v3.30.7", "docker.io/calico", "cni", "kube-controllers", "v1.38.16", crds),
		release("v3.31.7", "quay.io/calico", "cni", "kube-controllers", "v1.40.15", crds),
		release("v3.32.1", "quay.io/calico", "cni", "kube-controllers", "v1.42.3", both),
		release("v3.33.0", "quay.io/calico", "calico", "calico", "v1.44.0", both),
	}
	all[0].Files["tigera-operator.yaml"] += older // before v3.30 it has them itself
	return all
}

func release(version, registry, cni, controllers, operatorVersion string, definitions map[string]string) Release {
	files := map[string]string{
		"calico-vxlan.yaml":     fmt.Sprintf(vxlan, registry, version, cni, controllers),
		"tigera-operator.yaml":  fmt.Sprintf(operator, operatorVersion),
		"custom-resources.yaml": custom,
	}
	for name, text := range definitions {
		files[name] = text
	}
	return Release{Version: version, Files: files}
}

// Find returns the release of a version.
func Find(t testing.TB, version string) Release {
	t.Helper()
	all := Releases()
	i := slices.IndexFunc(all, func(r Release) bool { return r.Version == version })
	if i < 0 {
		t.Fatalf("there are no manifests of %s", version)
	}
	return all[i]
}

// Folder writes the files to a folder of the test's and returns its name.
func (r Release) Folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range r.Files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Published answers as the place where Calico publishes its manifests does, of the releases that it has. Other requests go to Next.
type Published struct{ Next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p Published) RoundTrip(req *http.Request) (*http.Response, error) {
	for _, r := range Releases() {
		folder, name := path.Split(req.URL.Path)
		if !strings.HasSuffix(folder, "/"+r.Version+"/manifests/") {
			continue
		}
		text, there := r.Files[name]
		status := http.StatusOK
		if !there {
			status = http.StatusNotFound
		}
		return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(strings.NewReader(text)), Request: req}, nil
	}
	return p.Next.RoundTrip(req)
}
