package felix_test

import (
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// TestRouteMakers has the pairs of Calico's own table (design/cluster-route-programming/DESIGN.md), for both classes of pools.
func TestRouteMakers(t *testing.T) {
	const both, none = "Felix BIRD", ""
	for name, tt := range map[string]struct {
		version, felix, bird string
		ipip, plain          string // who makes the routes of such pools
		unknown              bool
	}{
		"v3.28":                       {version: "v3.28.5", ipip: "BIRD", plain: "BIRD"},
		"v3.28, a word from later":    {version: "v3.28.5", felix: "Enabled", ipip: "BIRD", plain: "BIRD"},
		"v3.31 cannot tell":           {version: "v3.31.7", felix: "Enabled", unknown: true},
		"no release":                  {version: "", felix: "Enabled", bird: "Enabled", unknown: true},
		"v3.32":                       {version: "v3.32.1", ipip: "BIRD", plain: "BIRD"},
		"v3.32, Felix as well":        {version: "v3.32.1", felix: "Enabled", ipip: both, plain: both},
		"v3.32, Felix alone":          {version: "v3.32.1", felix: "Enabled", bird: "Disabled", ipip: "Felix", plain: "Felix"},
		"v3.33":                       {version: "v3.33.0", ipip: "Felix", plain: "BIRD"},
		"v3.33, as before":            {version: "v3.33.0", felix: "Disabled", bird: "Enabled", ipip: "BIRD", plain: "BIRD"},
		"v3.33, the other way":        {version: "v3.33.0", felix: "EnabledNoEncapOnly", bird: "EnabledIPIPOnly", ipip: "BIRD", plain: "Felix"},
		"v3.33, Felix off":            {version: "v3.33.0", felix: "Disabled", ipip: none, plain: "BIRD"},
		"v3.33, BIRD for all":         {version: "v3.33.0", bird: "Enabled", ipip: both, plain: "BIRD"},
		"v3.33, a word from later":    {version: "v3.33.0", felix: "EnabledSome", bird: "x", ipip: "Felix", plain: "BIRD"},
		"v3.33, everything off":       {version: "v3.33.0", felix: "Disabled", bird: "Disabled", ipip: none, plain: none},
		"v3.33, the same class twice": {version: "v3.33.0", felix: "EnabledIPIPOnly", bird: "EnabledIPIPOnly", ipip: both, plain: none},
	} {
		t.Run(name, func(t *testing.T) {
			s := &inspect.Snapshot{Calico: inspect.Calico{Version: tt.version, BGP: inspect.BGPSettings{ProgramClusterRoutes: tt.bird},
				Felix: map[string]inspect.FelixSettings{"default": {ProgramClusterRoutes: tt.felix}}}}
			for mode, want := range map[inspect.EncapMode]string{inspect.EncapCrossSubnet: tt.ipip, inspect.EncapNever: tt.plain} {
				makers, known := felix.RouteMakers(s, &inspect.IPPool{IPIPMode: mode, VXLANMode: inspect.EncapNever})
				var got []string
				if makers.Felix {
					got = append(got, "Felix")
				}
				if makers.BIRD {
					got = append(got, "BIRD")
				}
				if known == tt.unknown || known && strings.Join(got, " ") != want {
					t.Errorf("ipipMode %s: got %v, known: %t, want %q", mode, got, known, want)
				}
			}
		})
	}
}
