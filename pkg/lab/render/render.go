// Package render writes the lab's files: kind's configuration, the switch's, Calico's resources and the tools' manifest.
// What it returns is what "lab create" applies and what "--dry-run" prints. It is pure.
package render

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

//go:embed templates
var templates embed.FS

// Marker is where every node container of a lab has /dev/null mounted, so that the lab's own containers can be told from
// those of a kind cluster that happens to have the same name.
const Marker = "/etc/dualstack.lab"

// Kind returns the configuration that kind gets.
func Kind(l spec.Lab) (string, error) { return execute("kind.yaml", l) }

// EOS returns the startup configuration of a cEOS switch.
func EOS(l spec.Lab) (string, error) { return execute("eos.config", l) }

// Installation returns the custom resource that tells Calico's operator what to install.
func Installation(l spec.Lab) (string, error) { return execute("installation.yaml", l) }

// Pools returns the IP pools for a Calico that is installed by manifest.
func Pools(l spec.Lab) (string, error) { return execute("pools.yaml", l) }

// Tools returns the multitool DaemonSet that runs image, its two services, and the ConfigMap that records the lab.
func Tools(l spec.Lab, image string) (string, error) {
	return execute("tools.yaml", struct {
		Lab   spec.Lab
		Image string
	}{l, image})
}

func execute(name string, data any) (string, error) {
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{
		"marker":    func() string { return Marker },
		"port":      func(i int) int { return i + 1 },
		"poolName":  PoolName,
		"vxlanMode": VXLANMode,
		"enabled": func(on bool) string {
			if on {
				return "Enabled"
			}
			return "Disabled"
		},
	}).ParseFS(templates, "templates/"+name)
	if err != nil {
		return "", fmt.Errorf("read the template of %s: %w", name, err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return b.String(), nil
}

// PoolName is the name that Calico's operator gives to the only pool of a family.
func PoolName(n spec.Net) string {
	if n.Pods.Addr().Is4() {
		return "default-ipv4-ippool"
	}
	return "default-ipv6-ippool"
}

// VXLANMode translates the operator's word for an encapsulation into IPPool's vxlanMode
// (tigera/operator pkg/controller/ippool, ToProjectCalico).
func VXLANMode(encapsulation string) string {
	if strings.HasSuffix(encapsulation, "CrossSubnet") {
		return "CrossSubnet"
	}
	return "Always"
}
