package lab

import (
	"fmt"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
)

// DryRun returns what Create would do, as a list of steps, and then every file that it would use. It looks at nothing, so it
// works without Docker; what "auto" will find is left open.
func DryRun(o CreateOptions) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# Lab %q would be created in these steps:\n", o.Lab.Name)
	c := &creation{opts: o}
	for i, s := range c.plan() {
		fmt.Fprintf(&b, "#  %d. %s", i+1, s.Name)
		if len(s.After) > 0 {
			fmt.Fprintf(&b, " (after %s)", strings.Join(s.After, ", "))
		}
		fmt.Fprintln(&b)
	}
	files, err := o.files()
	if err != nil {
		return "", err
	}
	for _, f := range files {
		fmt.Fprintf(&b, "\n# %s\n%s", f.title, f.text)
	}
	return b.String(), nil
}

type file struct{ title, text string }

// files renders what the lab is made of.
func (o CreateOptions) files() ([]file, error) {
	var all []file
	var failed error
	add := func(title, text string, err error) {
		if failed == nil {
			failed = err
		}
		all = append(all, file{title, text})
	}
	raw, err := o.Lab.MarshalYAML()
	add("lab.yaml: the lab, for --config", string(raw), err)
	text, err := render.Kind(o.Lab)
	add("kind.yaml: the cluster, of "+o.NodeImage, text, err)
	if o.Switch != fabric.Linux {
		text, err = render.EOS(o.Lab)
		add("startup-config: the switch, where it is cEOS", text, err)
	}
	if o.CalicoInstall == InstallOperator {
		text, err = render.Installation(o.Lab)
	} else {
		text, err = render.Pools(o.Lab)
	}
	add("calico.yaml: what comes after Calico's own manifests", text, err)
	text, err = render.Tools(o.Lab, o.ToolsImage)
	add("tools.yaml: the pods and services to try things with", text, err)
	return all, failed
}
