package render

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// Objects reads a stream of YAML documents. It skips empty documents and takes lists apart.
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

// readinessPeriod is how often the kubelet asks calico-node whether it is ready, in seconds. Calico's own 10 would be most
// of the wait for a lab once everything in it runs.
const readinessPeriod = 2

// programPeriod is the same for a probe that is a program: it asks BIRD, too.
const programPeriod = 5

// felixHealthPort is where Felix answers, on the loopback address, whether it is live and ready (felix/config, HealthPort).
const felixHealthPort = 9099

// probeTimeout is how long a probe may take, in seconds: on a small machine that starts a lab, one second is too short to run a
// program.
const probeTimeout = 10

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
		case isCNIConfig(o):
			config, err = true, setUpConfig(o, l)
		case o.GetKind() == "DaemonSet" && o.GetName() == calico.NodeName:
			daemon, err = true, edit(o, func(d *appsv1.DaemonSet) error { return setUpNode(d, l) })
		case o.GetKind() == "Deployment" && o.GetName() == "calico-kube-controllers":
			err = edit(o, allowSlowProbes)
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

// runBIRD makes of the calico-node of Calico's calico-vxlan.yaml that of its calico.yaml: the probes ask BIRD, too. They ask the BIRD of
// IPv4 alone: so do those of every published manifest.
func runBIRD(c *corev1.Container) {
	c.Env = setEnv(c.Env, corev1.EnvVar{Name: "CLUSTER_TYPE", Value: "k8s,bgp"})
	for probe, flag := range map[*corev1.Probe]string{c.LivenessProbe: "-bird-live", c.ReadinessProbe: "-bird-ready"} {
		if probe != nil && probe.Exec != nil && !slices.Contains(probe.Exec.Command, flag) {
			probe.Exec.Command = append(probe.Exec.Command, flag)
		}
	}
}

// setUpConfig changes the ConfigMap: both families, and BIRD where a family goes without a tunnel.
func setUpConfig(o *unstructured.Unstructured, l spec.Lab) error {
	if err := assignBothFamilies(o); err != nil || !l.BGP() {
		return err
	}
	return unstructured.SetNestedField(o.Object, "bird", "data", "calico_backend")
}

// assignBothFamilies lets the IPAM plugin assign an address of each family.
func assignBothFamilies(configMap *unstructured.Unstructured) error {
	const plugin = `"type": "calico-ipam"`
	return editCNI(configMap, func(text string) (string, error) {
		switch {
		case !strings.Contains(text, plugin):
			return "", fmt.Errorf("no %s in it: this Calico's manifest is not known", plugin)
		case strings.Contains(text, `"assign_ipv6"`):
			return text, nil
		default:
			return strings.Replace(text, plugin, plugin+`, "assign_ipv4": "true", "assign_ipv6": "true"`, 1), nil
		}
	})
}

// editCNI changes the CNI configuration. It is a template with placeholders, so it is not JSON yet and can only be changed as text.
func editCNI(configMap *unstructured.Unstructured, change func(string) (string, error)) error {
	const key = "cni_network_config"
	text, _, err := unstructured.NestedString(configMap.Object, "data", key)
	if err == nil {
		text, err = change(text)
	}
	if err == nil {
		err = unstructured.SetNestedField(configMap.Object, text, "data", key)
	}
	if err != nil {
		return fmt.Errorf("change %s of calico-config in the manifest: %w", key, err)
	}
	return nil
}

// SetPodMTU sets the MTU of the pods' devices, in the CNI configuration of a manifest or the operator's Installation. The tunnels of a
// manifest keep MTUs of their own.
func SetPodMTU(objects []*unstructured.Unstructured, mtu int) error {
	for _, o := range objects {
		var err error
		switch {
		case o.GetKind() == "Installation":
			err = unstructured.SetNestedField(o.Object, int64(mtu), "spec", "calicoNetwork", "mtu")
		case isCNIConfig(o):
			err = editCNI(o, func(text string) (string, error) {
				return strings.Replace(text, "__CNI_MTU__", strconv.Itoa(mtu), 1), nil
			})
		}
		if err != nil {
			return fmt.Errorf("set the MTU of pods: %w", err)
		}
	}
	return nil
}

func isCNIConfig(o *unstructured.Unstructured) bool {
	return o.GetKind() == "ConfigMap" && o.GetName() == "calico-config"
}

// edit changes an object as a value of its Go type.
func edit[T any](o *unstructured.Unstructured, change func(*T) error) error {
	var typed T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &typed); err != nil {
		return fmt.Errorf("read the %s %s of the manifest: %w", o.GetKind(), o.GetName(), err)
	}
	if err := change(&typed); err != nil {
		return err
	}
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&typed)
	if err != nil {
		return fmt.Errorf("write the %s %s: %w", o.GetKind(), o.GetName(), err)
	}
	delete(raw, "status")
	o.Object = raw
	return nil
}

// NodeEnv is the environment that a Calico that is installed by manifest gets for calico-node, besides the manifest's own.
func NodeEnv(l spec.Lab) []corev1.EnvVar {
	return []corev1.EnvVar{
		{Name: "IP", Value: "autodetect"},
		{Name: "IP_AUTODETECTION_METHOD", Value: "cidr=" + l.IPv4.Fabric.String()},
		{Name: "IP6", Value: "autodetect"},
		{Name: "IP6_AUTODETECTION_METHOD", Value: "cidr=" + l.IPv6.Fabric.String()},
		{Name: "FELIX_IPV6SUPPORT", Value: "true"},
		{Name: "NO_DEFAULT_POOLS", Value: "true"},
	}
}

func setUpNode(d *appsv1.DaemonSet, l spec.Lab) error {
	pod := &d.Spec.Template.Spec
	// It converts the addresses of older clusters, and the manifest says that a fresh one does without.
	pod.InitContainers = slices.DeleteFunc(pod.InitContainers, func(c corev1.Container) bool { return c.Name == "upgrade-ipam" })
	i := slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == calico.NodeName })
	if i < 0 {
		return errors.New("the DaemonSet calico-node of the manifest has no container calico-node")
	}
	c := &pod.Containers[i]
	c.Env = setEnv(c.Env, NodeEnv(l)...)
	if l.BGP() {
		runBIRD(c)
	}
	askFelix(c.LivenessProbe, "-felix-live", "/liveness")
	askFelix(c.ReadinessProbe, "-felix-ready", "/readiness")
	if c.ReadinessProbe != nil {
		c.ReadinessProbe.PeriodSeconds = readinessPeriod
		if c.ReadinessProbe.HTTPGet == nil {
			c.ReadinessProbe.PeriodSeconds = programPeriod
		}
	}
	return nil
}

// askFelix lets the kubelet ask Felix itself what the probe asks it by a program in the pod. To start that program every two
// seconds on each node is half the work of an idle lab. A probe that asks for more than Felix (BIRD, say) stays as it is.
func askFelix(p *corev1.Probe, flag, path string) {
	if p == nil || p.Exec == nil || !slices.Equal(p.Exec.Command, []string{"/bin/calico-node", flag}) {
		return
	}
	p.ProbeHandler = corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Host: "127.0.0.1", Port: intstr.FromInt32(felixHealthPort), Path: path}}
}

// allowSlowProbes gives the probes of Calico's controllers, which run a program, the time that it takes on a busy machine.
func allowSlowProbes(d *appsv1.Deployment) error {
	for _, c := range d.Spec.Template.Spec.Containers {
		for _, p := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe} {
			if p != nil {
				p.TimeoutSeconds = max(p.TimeoutSeconds, probeTimeout)
			}
		}
	}
	return nil
}

// setEnv sets variables, and replaces those that are set already.
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
		if o.GetKind() != "DaemonSet" || o.GetName() != calico.NodeName {
			continue
		}
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		for _, c := range containers {
			if m, ok := c.(map[string]any); ok && m["name"] == calico.NodeName {
				image, _ := m["image"].(string)
				return calico.ImageTag(image)
			}
		}
	}
	return ""
}
