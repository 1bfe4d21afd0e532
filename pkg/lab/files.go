package lab

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
)

// The paths of the files in an export. The names are common in labs for containerlab.
const (
	pathLab       = "lab.yaml"
	pathTopology  = "topology.clab.yaml"
	pathResources = "calico-cni-config/custom-resources.yaml"
	pathCalico    = "calico-cni-config/calico.yaml"
	pathPools     = "calico-cni-config/ip-pools.yaml"
	pathTools     = "tools/multitool-pod.yaml"
)

func (o CreateOptions) pathKind() string { return o.Lab.Name + "-no-cni.yaml" }

// switchKind returns the kind of the switch without a look at the images that are present: "auto" is the first kind.
func (o CreateOptions) switchKind() (fabric.Kind, error) {
	if o.Switch == SwitchAuto {
		return fabric.Kinds()[0], nil
	}
	return fabric.Find(o.Switch)
}

// files renders the lab's files. The nodes are marked as the lab's if this program makes them. Pools are Calico's own kind where that is
// native.
func (o CreateOptions) files(marked, native bool) ([]render.File, error) {
	k, err := o.switchKind()
	if err != nil {
		return nil, err
	}
	var all []render.File
	var failed error
	add := func(path, title, text string, err error) {
		if failed == nil {
			failed = err
		}
		all = append(all, render.File{Path: path, Title: title, Text: text})
	}
	raw, err := o.Lab.MarshalYAML()
	add(pathLab, "lab.yaml: the lab, for --config", string(raw), err)
	text, err := render.Kind(o.Lab, marked, refusesCgroupV1(o.NodeImage))
	add(o.pathKind(), "kind.yaml: the cluster, of "+o.NodeImage, text, err)
	sw, err := k.File(o.Lab)
	add(sw.Path, sw.Title, sw.Text, err)
	path := pathResources
	if o.CalicoInstall == InstallOperator {
		text, err = render.Installation(o.Lab)
	} else {
		path = pathPools
		text, err = render.Pools(o.Lab, native)
	}
	add(path, "calico.yaml: what comes after Calico's own manifests", text, err)
	text, err = render.Tools(o.Lab, o.ToolsImage)
	add(pathTools, "tools.yaml: the pods and services to try things with", text, err)
	return all, failed
}
