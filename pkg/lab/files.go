package lab

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
)

// File is one of the files that a lab is made of.
type File struct {
	Path  string // below the folder that labs are exported to, with slashes
	Title string // what it is for
	Text  string
}

// Where the files are in an export. The names are those that labs for containerlab commonly have.
const (
	pathLab       = "lab.yaml"
	pathTopology  = "topology.clab.yaml"
	pathEOS       = "startup-configs/ceos01-startup-config.config"
	pathBatch     = "startup-configs/switch01.batch"
	pathResources = "calico-cni-config/custom-resources.yaml"
	pathCalico    = "calico-cni-config/calico.yaml"
	pathPools     = "calico-cni-config/ip-pools.yaml"
	pathTools     = "tools/multitool-pod.yaml"
)

func (o CreateOptions) pathKind() string { return o.Lab.Name + "-no-cni.yaml" }

// files renders what the lab is made of. The nodes are marked as the lab's if it is this program that makes them.
func (o CreateOptions) files(marked bool) ([]File, error) {
	var all []File
	var failed error
	add := func(path, title, text string, err error) {
		if failed == nil {
			failed = err
		}
		all = append(all, File{path, title, text})
	}
	raw, err := o.Lab.MarshalYAML()
	add(pathLab, "lab.yaml: the lab, for --config", string(raw), err)
	text, err := render.Kind(o.Lab, marked)
	add(o.pathKind(), "kind.yaml: the cluster, of "+o.NodeImage, text, err)
	if o.Switch == fabric.Linux {
		add(pathBatch, "switch.batch: the switch, for ip -batch", fabric.LinuxBatch(o.Lab), nil)
	} else {
		text, err = render.EOS(o.Lab)
		add(pathEOS, "startup-config: the switch, where it is cEOS", text, err)
	}
	path := pathResources
	if o.CalicoInstall == InstallOperator {
		text, err = render.Installation(o.Lab)
	} else {
		path = pathPools
		text, err = render.Pools(o.Lab)
	}
	add(path, "calico.yaml: what comes after Calico's own manifests", text, err)
	text, err = render.Tools(o.Lab, o.ToolsImage)
	add(pathTools, "tools.yaml: the pods and services to try things with", text, err)
	return all, failed
}
