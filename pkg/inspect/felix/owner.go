package felix

import (
	"fmt"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The values of programClusterRoutes, in FelixConfiguration and in BGPConfiguration: for which pools, of those without VXLAN, a
// program makes the routes to other nodes' blocks.
const (
	RoutesAll     = "Enabled"
	RoutesNone    = "Disabled"
	RoutesIPIP    = "EnabledIPIPOnly"
	RoutesNoEncap = "EnabledNoEncapOnly"
)

// Makers says which programs make the routes of a pool's class, by the settings of both. The settings do not know of each other:
// both programs may make them, and fight, or neither.
type Makers struct {
	Felix, BIRD bool
	// Settings are the values in force, with the object and "by default" where none is set.
	Settings []string
}

// RouteMakers says who makes the routes of a pool without VXLAN. It is false for a release that is not known, and for v3.31, in which
// Felix has the setting and BIRD does not.
func RouteMakers(s *inspect.Snapshot, p *inspect.IPPool) (Makers, bool) {
	release := ReleaseOf(s.Calico.Version)
	if !release.Has(BIRDRoutes) {
		return Makers{BIRD: true}, release.Known() && !release.Has(ClusterRoutes)
	}
	felixDefault, birdDefault := RoutesNone, RoutesAll
	if release.Has(IPIPByFelix) {
		felixDefault, birdDefault = RoutesIPIP, RoutesNoEncap
	}
	felix, felixText := setting("FelixConfiguration", settingsOf(s, "").ProgramClusterRoutes, felixDefault)
	bird, birdText := setting("BGPConfiguration", s.Calico.BGP.ProgramClusterRoutes, birdDefault)
	return Makers{Felix: covers(felix, p), BIRD: covers(bird, p), Settings: []string{felixText, birdText}}, true
}

// setting returns the value in force and says where it is from. Both programs take the default for a value that they do not know.
func setting(object, value, fallback string) (inForce, text string) {
	text = "programClusterRoutes of " + object + " is "
	switch value {
	case RoutesAll, RoutesNone, RoutesIPIP, RoutesNoEncap:
		return value, text + value
	default:
		return fallback, text + fallback + " by default"
	}
}

func covers(setting string, p *inspect.IPPool) bool {
	own := RoutesIPIP
	if p.IPIPMode.None() {
		own = RoutesNoEncap
	}
	return setting == RoutesAll || setting == own
}

// WithoutAddress says why a node has no BGP session of a family: Calico has no address for it.
func WithoutAddress(node string, f inspect.Family) string {
	return fmt.Sprintf("node %s has no %s address (annotation projectcalico.org/%sAddress), so it has no BGP session of the family", node, f, f)
}

// NotExported says why no BGP session brings the routes of a pool; it is empty where they may be told of.
func NotExported(p *inspect.IPPool) string {
	if !p.DisableBGPExport {
		return ""
	}
	return fmt.Sprintf("pool %s has disableBGPExport, so no node tells the others of its blocks", p.Name)
}
