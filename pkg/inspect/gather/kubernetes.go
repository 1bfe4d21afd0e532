package gather

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// systemNamespace holds the configuration of kubeadm, kube-proxy and CoreDNS.
const systemNamespace = metav1.NamespaceSystem

// configMap returns the data of a ConfigMap of kube-system, or nil where there is none: only some installers make it.
func (g *gatherer) configMap(ctx context.Context, namespace, name string) (map[string]string, error) {
	cm, err := g.cluster.Kubernetes.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, errorf("get", "configmaps", namespace, err)
	}
	return cm.Data, nil
}

// readKubeadm reads the ranges that kubeadm was given.
func (g *gatherer) readKubeadm(ctx context.Context) error {
	data, err := g.configMap(ctx, systemNamespace, "kubeadm-config")
	if err != nil {
		return err
	}
	var config struct {
		Networking struct {
			PodSubnet     string `json:"podSubnet"`
			ServiceSubnet string `json:"serviceSubnet"`
		} `json:"networking"`
	}
	if err := yaml.Unmarshal([]byte(data["ClusterConfiguration"]), &config); err != nil {
		return fmt.Errorf("read ConfigMap kubeadm-config: %w", err)
	}
	g.snap.Kubeadm = inspect.Kubeadm{PodSubnets: parsePrefixes(config.Networking.PodSubnet),
		ServiceSubnets: parsePrefixes(config.Networking.ServiceSubnet)}
	return nil
}

// readKubeProxy reads the configuration of kube-proxy, where kubeadm or kind wrote it.
func (g *gatherer) readKubeProxy(ctx context.Context) error {
	data, err := g.configMap(ctx, systemNamespace, "kube-proxy")
	text, found := data["config.conf"]
	if err != nil || !found {
		return err
	}
	var config struct {
		Mode              string   `json:"mode"`
		ClusterCIDR       string   `json:"clusterCIDR"`
		BindAddress       string   `json:"bindAddress"`
		NodePortAddresses []string `json:"nodePortAddresses"`
	}
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		return fmt.Errorf("read ConfigMap kube-proxy: %w", err)
	}
	bind, err := netip.ParseAddr(config.BindAddress)
	if err != nil {
		bind = netip.Addr{}
	}
	g.snap.KubeProxy = inspect.KubeProxy{Found: true, Mode: config.Mode, ClusterCIDRs: parsePrefixes(config.ClusterCIDR),
		BindAddress: bind.WithZone(""), NodePortCIDRs: config.NodePortAddresses}
	return nil
}

// parsePrefixes reads a list such as "10.244.0.0/16,fd00:10:244::/56", and leaves out what is no range.
func parsePrefixes(list string) []netip.Prefix {
	var all []netip.Prefix
	for text := range strings.SplitSeq(list, ",") {
		if prefix, err := netip.ParsePrefix(strings.TrimSpace(text)); err == nil {
			all = append(all, prefix.Masked())
		}
	}
	return all
}

// readCoreDNS reads the lines of the Corefile that can treat the families differently.
func (g *gatherer) readCoreDNS(ctx context.Context) error {
	data, err := g.configMap(ctx, systemNamespace, "coredns")
	if err != nil {
		return err
	}
	g.snap.CoreDNS.Directives = corefileDirectives(data["Corefile"])
	return nil
}

// corefileDirectives returns the lines of these plugins, with their blocks where these decide on answers:
// "template IN AAAA . { rcode NOERROR }", "acl { block type AAAA net * ; allow net * }".
func corefileDirectives(corefile string) []string {
	plugins, withBlocks := []string{"template", "rewrite", "dns64", "acl", "forward"}, []string{"template", "rewrite", "acl"}
	var found []string
	open := false // the last one's block
	for line := range strings.Lines(corefile) {
		line, _, _ = strings.Cut(line, "#")
		text, block := strings.CutSuffix(strings.TrimSpace(line), "{")
		fields := strings.Fields(text)
		switch {
		case open && text == "}":
			found[len(found)-1] = strings.TrimSuffix(found[len(found)-1], " ;") + " }"
			open = false
		case len(fields) == 0:
		case open:
			found[len(found)-1] += " " + strings.Join(fields, " ") + " ;"
		case slices.Contains(plugins, fields[0]):
			found = append(found, strings.Join(fields, " "))
			if open = block && slices.Contains(withBlocks, fields[0]); open {
				found[len(found)-1] += " {"
			}
		}
	}
	return found
}

// readServiceCIDRs reads the service ranges. Kubernetes before 1.33 has no such objects, which is no gap.
func (g *gatherer) readServiceCIDRs(ctx context.Context) error {
	var all []netip.Prefix
	err := eachItem(ctx, g.cluster.Kubernetes.NetworkingV1().ServiceCIDRs().List, metav1.ListOptions{},
		func(c *networkingv1.ServiceCIDR) error {
			for _, cidr := range c.Spec.CIDRs {
				all = append(all, parsePrefixes(cidr)...)
			}
			return nil
		})
	if apierrors.IsNotFound(err) {
		return nil
	}
	g.snap.ServiceCIDRs = all
	return errorf("list", "servicecidrs.networking.k8s.io", "", err)
}

// readEvents reads warnings, and keeps the last one of each reason about each object.
func (g *gatherer) readEvents(ctx context.Context) error {
	type key struct{ kind, namespace, name, reason string }
	last := map[key]inspect.Event{}
	opts := metav1.ListOptions{FieldSelector: "type=" + corev1.EventTypeWarning}
	err := eachItem(ctx, g.cluster.Kubernetes.CoreV1().Events(g.req.Namespace).List, opts, func(e *corev1.Event) error {
		of := e.InvolvedObject
		if !slices.Contains([]string{"Pod", "Node", "Service"}, of.Kind) {
			return nil
		}
		at := e.LastTimestamp.Time
		if e.Series != nil {
			at = e.Series.LastObservedTime.Time
		}
		at = cmp.Or(at, e.EventTime.Time, e.CreationTimestamp.Time)
		k := key{of.Kind, of.Namespace, of.Name, e.Reason}
		if known, ok := last[k]; !ok || !at.Before(known.Last) {
			last[k] = inspect.Event{Kind: of.Kind, Namespace: of.Namespace, Name: of.Name, Reason: e.Reason,
				Message: shorten(e.Message), Last: at.UTC()}
		}
		return nil
	})
	for _, e := range last {
		g.snap.Events = append(g.snap.Events, e)
	}
	slices.SortFunc(g.snap.Events, func(a, b inspect.Event) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Reason, b.Reason))
	})
	return errorf("list", "events", g.req.Namespace, err)
}

// maxMessage bounds a message of a container or an event, in bytes.
const maxMessage = 400

// shorten bounds a message and makes one line of it.
func shorten(message string) string {
	text := strings.Join(strings.Fields(message), " ")
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}
