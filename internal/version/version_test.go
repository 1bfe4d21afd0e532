package version

import (
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFill(t *testing.T) {
	build := &debug.BuildInfo{
		Main: debug.Module{Version: "v1.2.3"},
		Deps: []*debug.Module{
			{Path: "example.test/other", Version: "v9.9.9"}, {Path: "k8s.io/client-go", Version: "v0.37.2"},
			{Path: "sigs.k8s.io/kind", Version: "v0.33.0"},
		},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-01T00:00:00Z"}, {Key: "vcs.modified", Value: "true"},
		},
	}
	modules := []Module{{"k8s.io/client-go", "v0.37.2"}, {"sigs.k8s.io/kind", "v0.33.0"}}
	for name, test := range map[string]struct{ in, want Info }{
		"nothing set by the linker": {
			want: Info{Version: "v1.2.3", Commit: "abc-dirty", Date: "2026-01-01T00:00:00Z", Modules: modules},
		},
		"the linker wins": {
			in:   Info{Version: "v2.0.0", Commit: "def", Date: "2026-02-02T00:00:00Z"},
			want: Info{Version: "v2.0.0", Commit: "def", Date: "2026-02-02T00:00:00Z", Modules: modules},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.in.fill(build)
			if diff := cmp.Diff(test.want, test.in); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestGet(t *testing.T) {
	if info := Get(); info.Version == "" || info.GoVersion == "" || info.Platform == "" {
		t.Errorf("got %+v", info)
	}
}
