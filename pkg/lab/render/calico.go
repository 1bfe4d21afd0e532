package render

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// Objects reads a stream of YAML documents. Empty documents are passed over, lists are taken apart.
func Objects(manifest string) ([]*unstructured.Unstructured, error) {
	dec := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	var all []*unstructured.Unstructured
	for {
		u := &unstructured.Unstructured{}
		err := dec.Decode(&u.Object)
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("read document %d of the manifest: %w", len(all)+1, err)
		case len(u.Object) == 0:
			continue
		case u.GetKind() == "" || u.GetAPIVersion() == "":
			return nil, fmt.Errorf("read document %d of the manifest: it has no kind or no apiVersion", len(all)+1)
		case u.IsList():
			if err := u.EachListItem(func(o runtime.Object) error {
				all = append(all, o.(*unstructured.Unstructured))
				return nil
			}); err != nil {
				return nil, fmt.Errorf("read the list in document %d of the manifest: %w", len(all)+1, err)
			}
		default:
			all = append(all, u)
		}
	}
}

// readinessPeriod is how often calico-node is asked whether it is ready, in seconds. Calico's own 10 are most of what one
// would wait for a lab once everything in it runs.
const readinessPeriod = 2

// calicoNode is the name of Calico's DaemonSet and of the container in it that has Felix.
const calicoNode = "calico-node"

// CalicoManifest takes Calico's published calico-vxlan.yaml, which installs a single-stack Calico, and makes the changes that
// Calico's documentation asks for in a dual-stack cluster: the IPAM plugin assigns both families, Felix looks after both, and
// each node's addresses are those on the fabric. The pools are left to Pools.
func CalicoManifest(manifest string, l spec.Lab) ([]*unstructured.Unstructured, error) {
	objects, err := Objects(manifest)
	if err != nil {
		return nil, err
	}
	endpoint, err := execute("endpoint.yaml", l)
	if err != nil {
		return nil, err
	}
	first, err := Objects(endpoint)
	if err != nil {
		return nil, err
	}
	var config, daemon bool
	for _, o := range objects {
		switch {
		case o.GetKind() == "ConfigMap" && o.GetName() == "calico-config":
			config, err = true, assignBothFamilies(o)
		case o.GetKind() == "DaemonSet" && o.GetName() == calicoNode:
			daemon, err = true, setNodeEnv(o, l)
		}
		if err != nil {
			return nil, err
		}
	}
	if !config || !daemon {
		return nil, errors.New("the manifest has no ConfigMap calico-config and DaemonSet calico-node: is it Calico's calico-vxlan.yaml?")
	}
	return append(first, objects...), nil
}

// assignBothFamilies changes the CNI configuration. It is a template with placeholders, so it is not JSON yet and can only be
// changed as text.
func assignBothFamilies(configMap *unstructured.Unstructured) error {
	const key, plugin = "cni_network_config", `"type": "calico-ipam"`
	text, _, err := unstructured.NestedString(configMap.Object, "data", key)
	if err != nil || !strings.Contains(text, plugin) {
		return fmt.Errorf("calico-config in the manifest: no %s in %s: this Calico's manifest is not known", plugin, key)
	}
	if strings.Contains(text, `"assign_ipv6"`) {
		return nil
	}
	text = strings.Replace(text, plugin, plugin+`, "assign_ipv4": "true", "assign_ipv6": "true"`, 1)
	return unstructured.SetNestedField(configMap.Object, text, "data", key)
}

func setNodeEnv(daemonSet *unstructured.Unstructured, l spec.Lab) error {
	var d appsv1.DaemonSet
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(daemonSet.Object, &d); err != nil {
		return fmt.Errorf("read the DaemonSet calico-node of the manifest: %w", err)
	}
	// It converts the addresses of older clusters, and the manifest says that a fresh one does without.
	d.Spec.Template.Spec.InitContainers = slices.DeleteFunc(d.Spec.Template.Spec.InitContainers,
		func(c corev1.Container) bool { return c.Name == "upgrade-ipam" })
	for i := range d.Spec.Template.Spec.Containers {
		if c := &d.Spec.Template.Spec.Containers[i]; c.Name == calicoNode {
			c.Env = setEnv(c.Env,
				corev1.EnvVar{Name: "IP", Value: "autodetect"},
				corev1.EnvVar{Name: "IP_AUTODETECTION_METHOD", Value: "cidr=" + l.IPv4.Fabric.String()},
				corev1.EnvVar{Name: "IP6", Value: "autodetect"},
				corev1.EnvVar{Name: "IP6_AUTODETECTION_METHOD", Value: "cidr=" + l.IPv6.Fabric.String()},
				corev1.EnvVar{Name: "FELIX_IPV6SUPPORT", Value: "true"},
				corev1.EnvVar{Name: "NO_DEFAULT_POOLS", Value: "true"},
			)
			if c.ReadinessProbe != nil {
				c.ReadinessProbe.PeriodSeconds = readinessPeriod
			}
			raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&d)
			if err != nil {
				return fmt.Errorf("write the DaemonSet calico-node: %w", err)
			}
			delete(raw, "status")
			daemonSet.Object = raw
			return nil
		}
	}
	return errors.New("the DaemonSet calico-node of the manifest has no container calico-node")
}

// setEnv sets variables, in their place where they are set already.
func setEnv(env []corev1.EnvVar, set ...corev1.EnvVar) []corev1.EnvVar {
next:
	for _, v := range set {
		for i := range env {
			if env[i].Name == v.Name {
				env[i] = v
				continue next
			}
		}
		env = append(env, v)
	}
	return env
}

// CalicoVersion returns the version of Calico that a manifest installs: the tag of its calico/node image or, in the
// operator's manifest, nothing.
func CalicoVersion(objects []*unstructured.Unstructured) string {
	for _, o := range objects {
		if o.GetKind() != "DaemonSet" || o.GetName() != calicoNode {
			continue
		}
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		for _, c := range containers {
			if m, ok := c.(map[string]any); ok && m["name"] == calicoNode {
				image, _ := m["image"].(string)
				if i := strings.LastIndex(image, ":"); i >= 0 {
					return image[i+1:]
				}
			}
		}
	}
	return ""
}
