package lab

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// TestRepairOfALab: a lab's name is enough to repair it, and what is asked for otherwise is refused.
func TestRepairOfALab(t *testing.T) {
	own := spec.Default()
	own.Workers = 1
	own.IPv4.NATOutgoing = !own.IPv4.NATOutgoing // from a file of its own
	r := record.Record{Lab: own, Switch: "linux", NodeImage: "node:own", ToolsImage: "tools:own", CalicoInstall: InstallManifest,
		CalicoVersion: "v3.28.5", CalicoManifests: "/calico"}
	old := record.Record{Lab: own, Switch: "linux", NodeImage: "node:own"} // of an earlier version of the tool
	defaults := CreateOptions{Lab: spec.Default(), Switch: SwitchAuto, NodeImage: "node:default", ToolsImage: "tools:default", CalicoInstall: InstallOperator}
	for name, tt := range map[string]struct {
		record record.Record
		given  []string
		change func(*CreateOptions)
		err    string
	}{
		"its name alone":        {r, nil, nil, ""},
		"of an earlier version": {old, nil, nil, ""},
		"the same":              {r, []string{"node-image", "workers"}, func(o *CreateOptions) { o.NodeImage, o.Lab.Workers = "node:own", 1 }, ""},
		"more workers":          {r, []string{"workers"}, func(o *CreateOptions) { o.Lab.Workers = 3 }, "the number of its nodes"},
		"another node image":    {r, []string{"node-image"}, func(o *CreateOptions) { o.NodeImage = "node:x" }, "its node image (it has node:own)"},
		"another switch":        {r, []string{"switch"}, func(o *CreateOptions) { o.Switch = "ceos" }, "its switch (it has linux)"},
		"another Calico":        {r, []string{"calico-version"}, func(o *CreateOptions) { o.CalicoVersion = "v3.32.1" }, "its Calico (it has v3.28.5)"},
		"by the operator":       {r, []string{"calico-install"}, nil, "how Calico was installed (it has manifest)"},
		"other manifests":       {r, []string{"calico-manifests"}, func(o *CreateOptions) { o.CalicoManifests = "/other" }, "came from (it has /calico)"},
		"another file":          {r, []string{"config"}, nil, "its addresses"},
		"the same routing":      {r, []string{"routing"}, func(o *CreateOptions) { o.Lab.SetRouting(spec.RoutingVXLAN) }, ""},
		"by BGP":                {r, []string{"routing"}, func(o *CreateOptions) { o.Lab.SetRouting(spec.RoutingBGP) }, "its routing"},
		"other tools":           {r, []string{"tools-image"}, nil, "the image of its tools (it has tools:own)"},
	} {
		t.Run(name, func(t *testing.T) {
			o := defaults
			o.Assumed = func(flag string) bool { return !slices.Contains(tt.given, flag) }
			if tt.change != nil {
				tt.change(&o)
			}
			o = assume(tt.record, o)
			err := sameLab(tt.record, o)
			switch {
			case tt.err == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("got %v, want %q", err, tt.err)
			case tt.err == "" && (o.Lab != own || o.NodeImage != "node:own"):
				t.Errorf("repaired as %+v", o)
			}
		})
	}
}
