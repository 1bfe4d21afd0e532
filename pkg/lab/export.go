package lab

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
)

// The page that comes with an export, and the definitions that it waits for.
const (
	readme      = "README.md"
	definePools = "ippools.crd.projectcalico.org"
	defineCR    = "installations.operator.tigera.io"

	defineNativePools = "ippools.projectcalico.org"
)

// Existing returns the options that a lab on the Docker host was created with. Values that it does not record are o's.
func (m *Manager) Existing(ctx context.Context, o CreateOptions) (CreateOptions, error) {
	f, err := m.find(ctx, o.Lab.Name)
	if err != nil {
		return o, err
	}
	if f.sw == nil {
		return o, fmt.Errorf("lab %q: the switch's container is gone, and with it what the lab was created from", o.Lab.Name)
	}
	return merge(o, f.record), nil
}

func merge(o CreateOptions, r record.Record) CreateOptions {
	o.Lab, o.Switch, o.NodeImage = r.Lab, r.Switch, r.NodeImage
	for _, x := range []struct {
		to   *string
		from string
	}{{&o.SwitchImage, r.SwitchImage}, {&o.ToolsImage, r.ToolsImage}} {
		if x.from != "" {
			*x.to = x.from
		}
	}
	if r.CalicoInstall != "" { // the three belong together
		o.CalicoInstall, o.CalicoVersion, o.CalicoManifests = r.CalicoInstall, r.CalicoVersion, r.CalicoManifests
	}
	return o
}

// Export returns the files of a lab for users of containerlab. They include a Calico that is installed by manifest as it
// would be installed; for that Export reads its manifest.
func (m *Manager) Export(ctx context.Context, o CreateOptions) ([]render.File, error) {
	t, err := o.topology()
	if err != nil {
		return nil, err
	}
	guide := render.Guide{Lab: o.Lab, SwitchNote: t.Switch.Note, Tools: pathTools, Resources: pathResources, Definition: defineCR}
	var native bool
	var installed []render.File
	if o.CalicoInstall == InstallManifest {
		calico, err := m.loadCalico(ctx, o)
		if err != nil {
			return nil, err
		}
		text, err := manifest(calico.first)
		if err != nil {
			return nil, err
		}
		native, installed = calico.native, []render.File{{Path: pathCalico, Text: text}}
		guide.Create, guide.Resources, guide.Definition = []string{pathCalico}, pathPools, definePools
		if native {
			guide.Definition = defineNativePools
		}
	} else if guide.Create, err = m.operatorManifests(ctx, o); err != nil {
		return nil, err
	}
	files, err := o.files(false, native)
	if err != nil {
		return nil, err
	}
	files = append(files, installed...)
	topology, err := render.Containerlab(t)
	if err != nil {
		return nil, err
	}
	page, err := render.Readme(guide)
	if err != nil {
		return nil, err
	}
	return append(files, render.File{Path: pathTopology, Text: topology}, render.File{Path: readme, Text: page}), nil
}

// operatorManifests are the manifests that install the operator, in their order. Which ones they are is read from a folder or URL that
// was given. What Calico publishes is known, and needs no network.
func (m *Manager) operatorManifests(ctx context.Context, o CreateOptions) ([]string, error) {
	location, err := o.calicoLocation()
	if err != nil {
		return nil, err
	}
	calicoVersion := cmp.Or(o.CalicoVersion, DefaultCalicoVersion)
	files := []string{definitionFiles(calicoVersion)[0], fileOperator}
	if o.CalicoManifests != "" {
		calico, err := m.loadCalico(ctx, o)
		if err != nil {
			return nil, err
		}
		files = calico.files
	} else if version.MustParseSemantic(calicoVersion).LessThan(version.MustParseSemantic("v3.30.0")) {
		files = []string{fileOperator}
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(absolute(location), "/") + "/" + file
	}
	return files, nil
}

func (o CreateOptions) topology() (render.Topology, error) {
	k, err := o.switchKind()
	if err != nil {
		return render.Topology{}, err
	}
	t := render.Topology{Lab: o.Lab, NodeImage: o.NodeImage, KindFile: o.pathKind(), Switch: k.Topology(o.SwitchImage, o.NodeImage)}
	for _, n := range o.Lab.Nodes() {
		t.Cables = append(t.Cables, render.Cable{Port: n.Port, Node: n.Name, NodePort: fabric.NodePort, Commands: fabric.NodeCommands(o.Lab, n)})
	}
	return t, nil
}

// manifest writes objects as a stream of YAML documents.
func manifest(objects []*unstructured.Unstructured) (string, error) {
	var b strings.Builder
	for _, o := range objects {
		raw, err := yaml.Marshal(o.Object)
		if err != nil {
			return "", fmt.Errorf("write %s %s: %w", o.GetKind(), o.GetName(), err)
		}
		b.WriteString("---\n")
		b.Write(raw)
	}
	return b.String(), nil
}
