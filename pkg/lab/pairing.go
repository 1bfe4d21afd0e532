package lab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/kind/pkg/apis/config/defaults"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
)

// Pairing is a minor release of Calico with the minor releases of Kubernetes that its project tests it with.
type Pairing struct {
	Calico      uint   // 32 is v3.32
	First, Last uint   // of Kubernetes: 34 is v1.34; all between them are tested too
	Source      string // where Calico's documentation says so
}

// requirements is the file of Calico's documentation (github.com/tigera/docs) that lists the tested versions.
const requirements = "tigera/docs, calico_versioned_docs/version-3.%d/_includes/partials/_system-requirements.mdx"

// Pairings returns what is known, oldest first.
func Pairings() []Pairing {
	all := []Pairing{
		{Calico: 28, First: 27, Last: 30, Source: "tigera/docs, branch archive-os-3.28, getting-started/kubernetes/requirements.mdx"},
		{Calico: 29, First: 29, Last: 32},
		{Calico: 30, First: 31, Last: 33},
		{Calico: 31, First: 32, Last: 35},
		{Calico: 32, First: 34, Last: 36},
		{Calico: 33, First: 35, Last: 37},
	}
	for i, p := range all {
		if p.Source == "" {
			all[i].Source = fmt.Sprintf(requirements, p.Calico)
		}
	}
	return all
}

// nodeImages returns the node images that the release of kind in go.mod was published with, newest first. The digests are those of its
// release notes: kind promises nothing for an image of another release.
func nodeImages() []string {
	return []string{
		defaults.Image, // v1.37.0
		"kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed",
		"kindest/node:v1.35.8@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0",
		"kindest/node:v1.34.11@sha256:44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d",
	}
}

// NodeImage returns the image of kind's with the newest Kubernetes that a version of Calico is tested with. If it is tested with none
// of them, that is the nearest one; for an unknown release it is kind's default. An empty version is DefaultCalicoVersion.
func NodeImage(calicoVersion string) string {
	images := nodeImages()
	p, known := pairing(cmp.Or(calicoVersion, DefaultCalicoVersion))
	if !known {
		return images[0]
	}
	for _, image := range images {
		if v := kubernetesOf(image); v != nil && v.Minor() <= p.Last {
			return image
		}
	}
	return images[len(images)-1]
}

// pairing returns what is known of a version of Calico.
func pairing(calicoVersion string) (Pairing, bool) {
	v, err := version.ParseSemantic(calicoVersion)
	if err != nil || v.Major() != 3 {
		return Pairing{}, false
	}
	all := Pairings()
	i := slices.IndexFunc(all, func(p Pairing) bool { return p.Calico == v.Minor() })
	if i < 0 {
		return Pairing{}, false
	}
	return all[i], true
}

// kubernetesOf returns the version of Kubernetes that the tag of a node image names, or nil.
func kubernetesOf(nodeImage string) *version.Version {
	v, err := version.ParseSemantic(calico.ImageTag(nodeImage))
	if err != nil {
		return nil
	}
	return v
}

// refusesCgroupV1 reports whether the kubelet of a node image does not start on a host with cgroup v1, unless it is told to (KEP-5573).
func refusesCgroupV1(nodeImage string) bool {
	v := kubernetesOf(nodeImage)
	return v != nil && v.AtLeast(version.MustParseSemantic("v1.35.0"))
}

// untested says that a version of Calico is not tested with the Kubernetes of a node image. It is empty where it is, or where that is
// not known.
func untested(calicoVersion, nodeImage string) string {
	p, known := pairing(calicoVersion)
	v := kubernetesOf(nodeImage)
	if !known || v == nil || v.Major() != 1 || v.Minor() >= p.First && v.Minor() <= p.Last {
		return ""
	}
	image, _, _ := strings.Cut(nodeImage, "@")
	return fmt.Sprintf("Calico %s is tested with Kubernetes v1.%d to v1.%d, and %s has v1.%d: other pairs may work",
		calicoVersion, p.First, p.Last, image, v.Minor())
}
