// Package render writes the lab's files: kind's configuration, the switch's, Calico's resources and the tools' manifest.
// "lab create" applies these files and "--dry-run" prints them. The package is pure.
package render

import (
	"bytes"
	"embed"
	"fmt"
	"strconv"
	"strings"
	"text/template"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

//go:embed templates
var templates embed.FS

// Marker is where every node container of a lab has /dev/null mounted, so that the lab's own containers can be told from
// those of a kind cluster that happens to have the same name.
const Marker = "/etc/dualstack.lab"

// Kind returns kind's configuration. marked gives the nodes the lab's mark. Nodes that other programs make go without it,
// since a lab deletes all nodes that have its mark. cgroupV1 lets a kubelet run with it that would not.
func Kind(l spec.Lab, marked, cgroupV1 bool) (string, error) {
	return execute("kind.yaml", struct {
		spec.Lab
		Marked, CgroupV1 bool
	}{l, marked, cgroupV1})
}

// Topology is the content of containerlab's topology file besides the lab.
type Topology struct {
	spec.Lab
	NodeImage string
	KindFile  string // beside the topology, as all files
	Switch    TopologySwitch
	Cables    []Cable
}

// TopologySwitch is the switch as a node of containerlab's.
type TopologySwitch struct {
	Name, Kind, Image string
	Startup           string // file with the configuration of a switch that reads one
	// Batch is the file for "ip -batch" of a switch that is configured by commands, Target where it is in the container.
	Batch, Target string
	Sysctls       []string
	Note          string // how to get the image, where it cannot be pulled
}

// File is one of the files that a lab is made of.
type File struct {
	Path  string // below the folder that labs are exported to, with slashes
	Title string // what it is for
	Text  string
}

// Cable leads from a port of the switch to a node, which is set up with commands for ip.
type Cable struct {
	Port, Node, NodePort string
	Commands             []string
}

// Containerlab returns the topology file: https://containerlab.dev/manual/topo-def-file/
func Containerlab(t Topology) (string, error) { return execute("topology.clab.yaml", t) }

// EOS returns the startup configuration of a cEOS switch.
func EOS(l spec.Lab) (string, error) { return execute("eos.config", l) }

// Installation returns the custom resource that tells Calico's operator what to install.
func Installation(l spec.Lab) (string, error) { return execute("installation.yaml", l) }

// Pools returns the IP pools for a Calico that is installed by manifest, and keeps its resources natively in projectcalico.org or, as
// all did before v3.33, in crd.projectcalico.org.
func Pools(l spec.Lab, native bool) (string, error) {
	api := calico.CRDv1
	if native {
		api = calico.APIv3
	}
	return execute("pools.yaml", struct {
		spec.Lab
		API string
	}{l, api})
}

// Tools returns the multitool DaemonSet that runs image, its two services, and the ConfigMap that records the lab.
func Tools(l spec.Lab, image string) (string, error) {
	type entry struct{ Key, Value string }
	return execute("tools.yaml", struct {
		Image, Namespace, ConfigMap string
		Entries                     []entry
	}{image, calico.LabNamespace, calico.LabConfigMap, []entry{
		{calico.LabKeyName, l.Name},
		{calico.LabKeyExternalIPv4, strconv.Quote(l.IPv4.External.String())},
		{calico.LabKeyExternalIPv6, strconv.Quote(l.IPv6.External.String())},
		{calico.LabKeyGatewayIPv4, strconv.Quote(l.IPv4.Gateway.String())},
		{calico.LabKeyGatewayIPv6, strconv.Quote(l.IPv6.Gateway.String())},
		{calico.LabKeyFabricIPv4, strconv.Quote(l.IPv4.Fabric.String())},
		{calico.LabKeyFabricIPv6, strconv.Quote(l.IPv6.Fabric.String())},
	}})
}

// Guide is the content of the page that comes with exported files.
type Guide struct {
	Lab        spec.Lab
	SwitchNote string   // TopologySwitch.Note
	Create     []string // Calico's own manifests: files or URLs
	Definition string   // of the kind that Resources need, by its full name
	Resources  string   // the resources that follow them
	Tools      string
}

// Readme returns the page that says how to go on with exported files.
func Readme(g Guide) (string, error) { return execute("README.md", g) }

func execute(name string, data any) (string, error) {
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{
		"marker":    func() string { return Marker },
		"port":      func(i int) int { return i + 1 },
		"poolName":  PoolName,
		"vxlanMode": VXLANMode,
		"quote":     strconv.Quote,
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
	switch {
	case encapsulation == spec.None:
		return "Never"
	case strings.HasSuffix(encapsulation, "CrossSubnet"):
		return "CrossSubnet"
	default:
		return "Always"
	}
}
