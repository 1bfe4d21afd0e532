package felix

import "k8s.io/apimachinery/pkg/util/version"

// release is a Calico release as far as Felix's routes differ between releases. The zero value is an unknown one, for
// which every variant is accepted.
type release struct{ major, minor uint }

func parseRelease(s string) release {
	v, err := version.ParseGeneric(s)
	if err != nil {
		return release{}
	}
	return release{major: v.Major(), minor: v.Minor()}
}

func (r release) known() bool { return r != release{} }

// atLeast reports whether a known release is major.minor or newer.
func (r release) atLeast(major, minor uint) bool {
	return r.known() && (r.major > major || r.major == major && r.minor >= minor)
}
