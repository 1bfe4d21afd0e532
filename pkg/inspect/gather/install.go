package gather

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// readCalicoNode reads what the DaemonSet calico-node says about addresses, pools and the backend.
func (g *gatherer) readCalicoNode(ctx context.Context) error {
	ds, err := g.daemonSet(ctx)
	if err != nil {
		return err
	}
	env, err := g.env(ctx, ds, func(name string) bool {
		return name == "IP" || name == "IP6" || name == "CALICO_NETWORKING_BACKEND" ||
			strings.HasSuffix(name, "_AUTODETECTION_METHOD") ||
			strings.HasPrefix(name, "CALICO_IPV4POOL_") || strings.HasPrefix(name, "CALICO_IPV6POOL_")
	})
	if err != nil {
		return err
	}
	g.snap.Calico.Node = inspect.CalicoNode{Namespace: ds.Namespace, Version: imageTag(ds), Env: env,
		Wanted: ds.Status.DesiredNumberScheduled, Available: ds.Status.NumberAvailable}
	return nil
}

// env returns variables of calico-node, of which manifests take some from a ConfigMap.
func (g *gatherer) env(ctx context.Context, ds *appsv1.DaemonSet, wanted func(name string) bool) (map[string]string, error) {
	env := map[string]string{}
	for _, v := range felixContainer(ds).Env {
		if !wanted(v.Name) {
			continue
		}
		value := v.Value
		if v.ValueFrom != nil && v.ValueFrom.ConfigMapKeyRef != nil {
			ref := v.ValueFrom.ConfigMapKeyRef
			data, err := g.configMap(ctx, ds.Namespace, ref.Name)
			if err != nil {
				return nil, fmt.Errorf("variable %s of %s: %w", v.Name, calico.NodeName, err)
			}
			value = data[ref.Key]
		}
		env[v.Name] = value
	}
	return env, nil
}

// cniConfigMaps lists where installers keep the CNI configuration: the manifest, the operator, Canal.
func cniConfigMaps() [][3]string {
	return [][3]string{
		{metav1.NamespaceSystem, "calico-config", "cni_network_config"},
		{"calico-system", "cni-config", "config"},
		{metav1.NamespaceSystem, "canal-config", "cni_network_config"},
	}
}

// readCNI reads the configuration that Calico's installation writes to the nodes.
func (g *gatherer) readCNI(ctx context.Context) error {
	var refused error
	for _, at := range cniConfigMaps() {
		data, err := g.configMap(ctx, at[0], at[1])
		if err != nil {
			refused = cmp.Or(refused, err)
			continue
		}
		if text, ok := data[at[2]]; ok {
			config, err := parseCNI(text)
			if err != nil {
				return fmt.Errorf("read ConfigMap %s/%s: %w", at[0], at[1], err)
			}
			config.Source = at[0] + "/" + at[1]
			g.snap.Calico.CNI = config
			return nil
		}
	}
	return refused
}

// parseCNI reads a template of a CNI configuration. install-cni fills in its placeholders; some stand for numbers.
func parseCNI(text string) (inspect.CNI, error) {
	type plugin struct {
		Type string `json:"type"`
		IPAM struct {
			Type       string             `json:"type"`
			AssignIPv4 json.RawMessage    `json:"assign_ipv4"`
			AssignIPv6 json.RawMessage    `json:"assign_ipv6"`
			Subnet     string             `json:"subnet"`
			Ranges     [][]map[string]any `json:"ranges"`
		} `json:"ipam"`
	}
	var list struct {
		Plugins []plugin `json:"plugins"`
		plugin
	}
	text = regexp.MustCompile(`:\s*__\w+__`).ReplaceAllString(text, ": 0")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return inspect.CNI{}, err
	}
	var config inspect.CNI
	for _, p := range append(list.Plugins, list.plugin) {
		config.PortMap = config.PortMap || p.Type == "portmap"
		if p.IPAM.Type == "" {
			continue
		}
		config.IPAM = p.IPAM.Type
		config.AssignIPv4, config.AssignIPv6 = looseBool(p.IPAM.AssignIPv4), looseBool(p.IPAM.AssignIPv6)
		if p.IPAM.Subnet != "" {
			config.Ranges = append(config.Ranges, p.IPAM.Subnet)
		}
		for _, set := range p.IPAM.Ranges {
			for _, r := range set {
				if subnet, ok := r["subnet"].(string); ok {
					config.Ranges = append(config.Ranges, subnet)
				}
			}
		}
	}
	return config, nil
}

// looseBool reads true, "true" and their like. Manifests have both forms.
func looseBool(raw json.RawMessage) *bool { return parseFelixBool(strings.Trim(string(raw), `"`)) }

// readIPAMConfig reads the settings of Calico's IPAM. Their object appears when somebody sets one.
func (g *gatherer) readIPAMConfig(ctx context.Context) error {
	api, err := g.calico(ctx)
	if err != nil {
		return err
	}
	resource := "ipamconfigs"
	if api.GroupVersion == groupNative() {
		resource = "ipamconfigurations"
	}
	err = g.eachObject(ctx, resource, func(u *unstructured.Unstructured) error {
		spec, ok := readSpec[struct {
			StrictAffinity     *bool `json:"strictAffinity"`
			AutoAllocateBlocks *bool `json:"autoAllocateBlocks"`
			MaxBlocksPerHost   int   `json:"maxBlocksPerHost"`
		}](u)
		if ok && u.GetName() == "default" {
			g.snap.Calico.IPAM = inspect.IPAMConfig{StrictAffinity: spec.StrictAffinity, AutoAllocate: spec.AutoAllocateBlocks,
				MaxBlocksPerHost: spec.MaxBlocksPerHost}
		}
		return nil
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// groupOperator is the API of the Tigera operator.
func groupOperator() schema.GroupVersion {
	return schema.GroupVersion{Group: "operator.tigera.io", Version: "v1"}
}

// readOperator reads the operator's Installation and the status of its parts. A cluster without the operator is no gap.
func (g *gatherer) readOperator(ctx context.Context) error {
	var found *inspect.Operator
	list := func(resource string, use func(*unstructured.Unstructured) error) error {
		api := g.cluster.Dynamic.Resource(groupOperator().WithResource(resource))
		err := eachItem(ctx, api.List, metav1.ListOptions{}, use)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errorf("list", resource+"."+groupOperator().Group, "", err)
	}
	err := list("installations", func(u *unstructured.Unstructured) error {
		if u.GetName() == "default" {
			found = readInstallation(u)
		}
		return nil
	})
	var parts []inspect.OperatorPart
	err = errors.Join(err, list("tigerastatuses", func(u *unstructured.Unstructured) error {
		parts = append(parts, readOperatorPart(u))
		return nil
	}))
	if err != nil || found == nil {
		return err
	}
	found.Parts = parts
	g.snap.Calico.Operator = found
	return nil
}

// readInstallation keeps the fields that we use (github.com/tigera/operator/api/v1/installation_types.go).
func readInstallation(u *unstructured.Unstructured) *inspect.Operator {
	type autodetection struct {
		FirstFound    *bool    `json:"firstFound"`
		Kubernetes    string   `json:"kubernetes"`
		Interface     string   `json:"interface"`
		SkipInterface string   `json:"skipInterface"`
		CanReach      string   `json:"canReach"`
		CIDRs         []string `json:"cidrs"`
	}
	spec, _ := readSpec[struct {
		CNI struct {
			Type string `json:"type"`
			IPAM struct {
				Type string `json:"type"`
			} `json:"ipam"`
		} `json:"cni"`
		CalicoNetwork struct {
			BGP            string                  `json:"bgp"`
			LinuxDataplane string                  `json:"linuxDataplane"`
			IPPools        *[]inspect.OperatorPool `json:"ipPools"`
			V4             autodetection           `json:"nodeAddressAutodetectionV4"`
			V6             autodetection           `json:"nodeAddressAutodetectionV6"`
		} `json:"calicoNetwork"`
	}](u)
	method := func(a autodetection) string {
		switch {
		case a.Kubernetes != "":
			return "kubernetes=" + a.Kubernetes
		case a.Interface != "":
			return "interface=" + a.Interface
		case a.SkipInterface != "":
			return "skipInterface=" + a.SkipInterface
		case a.CanReach != "":
			return "canReach=" + a.CanReach
		case len(a.CIDRs) > 0:
			return "cidrs=" + strings.Join(a.CIDRs, ",")
		case a.FirstFound != nil && *a.FirstFound:
			return "firstFound"
		default:
			return ""
		}
	}
	network := spec.CalicoNetwork
	o := &inspect.Operator{CNI: spec.CNI.Type, IPAM: spec.CNI.IPAM.Type, BGP: network.BGP, DataPlane: network.LinuxDataplane,
		PoolsUnset: network.IPPools == nil, Autodetection: inspect.ByFamily[string]{V4: method(network.V4), V6: method(network.V6)}}
	if network.IPPools != nil {
		o.Pools = *network.IPPools
	}
	return o
}

// readOperatorPart reads a TigeraStatus.
func readOperatorPart(u *unstructured.Unstructured) inspect.OperatorPart {
	part := inspect.OperatorPart{Name: u.GetName()}
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		text := func(key string) string { s, _ := condition[key].(string); return s }
		switch {
		case text("status") != "True":
		case text("type") == "Available":
			part.Available = true
		case text("type") == "Degraded":
			part.Degraded = reasonOf(text("reason"), text("message"))
		}
	}
	return part
}
