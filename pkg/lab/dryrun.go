package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
)

// imageMark begins the line of each image in the answer of DryRun, which scripts take them from.
const imageMark = "# image: "

// DryRun returns what Create would do: its steps, Calico's manifests, the images that the lab needs, and then every file that it would
// use. It reads Calico's manifests, and refuses what Create would refuse because of them. It looks at no container runtime; "auto" stays
// unresolved.
func DryRun(ctx context.Context, client *http.Client, o CreateOptions) (string, error) {
	m := &Manager{HTTP: client}
	installed, err := m.loadCalico(ctx, o)
	if err := errors.Join(checkArchives(o.ImageArchives), err); err != nil {
		return "", err
	}
	files, err := o.files(true, installed.native)
	if err != nil {
		return "", err
	}
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
	o.writeCalico(&b, installed)
	o.writeImages(&b, installed)
	for _, f := range files {
		fmt.Fprintf(&b, "\n# %s\n%s", f.Title, f.Text)
	}
	return b.String(), nil
}

// writeCalico writes where Calico comes from, in which order, and what is changed.
func (o CreateOptions) writeCalico(w io.Writer, installed manifests) {
	fmt.Fprintf(w, "\n# Calico %s by %s: %s from %s, and then calico.yaml, which is below.\n", cmp.Or(installed.version, "(its version is not known)"),
		o.CalicoInstall, strings.Join(installed.files, " and "), installed.location)
	group := calico.CRDGroup
	if installed.native {
		group = calico.APIGroup
	}
	fmt.Fprintf(w, "# It keeps its resources in the group %s.\n", group)
	if o.CalicoInstall == InstallManifest {
		fmt.Fprintf(w, "# Its CNI plugin assigns both families, and calico-node gets these variables:\n")
		for _, v := range render.NodeEnv(o.Lab) {
			fmt.Fprintf(w, "#  %s=%s\n", v.Name, v.Value)
		}
	}
	if text := untested(installed.version, o.NodeImage); text != "" {
		fmt.Fprintf(w, "# %s.\n", text)
	}
}

// writeImages writes the images that a lab needs, each in a line of its own. Kubernetes' own are in the node image.
func (o CreateOptions) writeImages(w io.Writer, installed manifests) {
	fmt.Fprintf(w, "\n# The images. The first is for the container runtime, the others are for the nodes:\n")
	all := append([]string{o.NodeImage}, append(slices.Clone(installed.images), o.ToolsImage)...)
	for _, image := range all {
		fmt.Fprintf(w, "%s%s\n", imageMark, image)
	}
	if installed.others != "" {
		fmt.Fprintf(w, "# It is not known what else this operator runs. It says so itself: %s\n", installed.others)
	}
	if o.Switch != fabric.Linux {
		fmt.Fprintf(w, "# A cEOS switch has an image that cannot be pulled; the Linux switch is the node image.\n")
	}
}
