package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// SourceOptions choose what to probe from. At most one of Pod, Node and Selector is set; the zero value is one pod
// of each node.
type SourceOptions struct {
	Namespace string // of Pod and of the pods that Selector selects; empty is "default"
	Pod       string // its name, or node/NAME for a node itself
	Node      string
	Selector  string
}

// Sources chooses the pods to probe from, sorted by node: the named one, or else on each node the selected pod that is
// most likely to have tools. Pods on the host network do not count: their packets travel otherwise.
func Sources(s *inspect.Snapshot, o SourceOptions) ([]inspect.Pod, error) {
	o.Namespace = cmp.Or(o.Namespace, "default")
	if reason := s.Lacks(inspect.FactPods, ""); reason != "" {
		return nil, fmt.Errorf("choose a pod to probe from: %s", reason)
	}
	switch kind, name, ok := strings.Cut(o.Pod, "/"); {
	case ok && isPodKind(kind):
		o.Pod = name
	case ok:
		return nodeSource(s, kind, name, o)
	}
	if o.Pod != "" {
		pod, err := namedPod(s, o.Namespace, o.Pod)
		if err != nil {
			return nil, err
		}
		return []inspect.Pod{*pod}, nil
	}
	selector, err := labels.Parse(o.Selector)
	if err != nil {
		return nil, fmt.Errorf("label selector %q: %w", o.Selector, err)
	}
	if o.Node != "" && !slices.ContainsFunc(s.Nodes, func(n inspect.Node) bool { return n.Name == o.Node }) {
		return nil, fmt.Errorf("there is no node %q", o.Node)
	}
	best := map[string]inspect.Pod{}
	for _, pod := range s.Pods {
		switch {
		case !canProbe(&pod), o.Node != "" && pod.Node != o.Node:
		case o.Selector != "" && (pod.Namespace != o.Namespace || !selector.Matches(labels.Set(pod.Labels))):
		default:
			if chosen, ok := best[pod.Node]; !ok || comparePods(o.Namespace, &pod, &chosen) < 0 {
				best[pod.Node] = pod
			}
		}
	}
	if len(best) == 0 {
		return nil, fmt.Errorf("no ready pod to probe from%s: pods on the host network do not count", o.where())
	}
	var all []inspect.Pod
	for _, pod := range best {
		all = append(all, pod)
	}
	slices.SortFunc(all, func(a, b inspect.Pod) int { return cmp.Compare(a.Node, b.Node) })
	return all, nil
}

// nodeSource is a node as a source.
func nodeSource(s *inspect.Snapshot, kind, name string, o SourceOptions) ([]inspect.Pod, error) {
	if !isNodeKind(kind) || name == "" {
		return nil, fmt.Errorf("source %q is neither a pod nor node/NAME", o.Pod)
	}
	switch n := findNode(s, name); {
	case n == nil:
		return nil, fmt.Errorf("there is no node %q", name)
	case n.OS == "windows":
		return nil, fmt.Errorf("node %q runs Windows: there is no image to probe with", name)
	}
	return []inspect.Pod{trace.NodeSource(name, o.Namespace)}, nil
}

// isNodeKind reports whether a word is kubectl's for nodes.
func isNodeKind(kind string) bool {
	return slices.Contains([]string{"node", "nodes", "no"}, strings.ToLower(kind))
}

// isPodKind reports whether a word is kubectl's for pods.
func isPodKind(kind string) bool {
	return slices.Contains([]string{"pod", "pods", "po"}, strings.ToLower(kind))
}

func (o SourceOptions) where() string {
	switch {
	case o.Node != "":
		return " on node " + o.Node
	case o.Selector != "":
		return fmt.Sprintf(" with labels %q in namespace %q", o.Selector, o.Namespace)
	default:
		return ""
	}
}

// namedPod finds a pod that can be probed from.
func namedPod(s *inspect.Snapshot, namespace, name string) (*inspect.Pod, error) {
	pod := findPod(s, namespace, name)
	switch {
	case pod == nil:
		return nil, fmt.Errorf("there is no pod %q in namespace %q", name, namespace)
	case pod.HostNetwork:
		return nil, fmt.Errorf("pod %q is on the network of its node: its packets do not go the way of pods", name)
	case !canProbe(pod):
		return nil, fmt.Errorf("pod %q is not running: its phase is %s", name, cmp.Or(pod.Phase, "unknown"))
	}
	return pod, nil
}

func findPod(s *inspect.Snapshot, namespace, name string) *inspect.Pod {
	for i := range s.Pods {
		if s.Pods[i].Namespace == namespace && s.Pods[i].Name == name {
			return &s.Pods[i]
		}
	}
	return nil
}

// canProbe reports whether a pod has a network of its own and runs.
func canProbe(p *inspect.Pod) bool {
	return !p.HostNetwork && p.Phase == "Running" && p.Node != "" && len(p.IPs) > 0
}

// comparePods puts the better source first: ready, with tools, not of the system, of the namespace, and serving something.
func comparePods(namespace string, a, b *inspect.Pod) int {
	rank := func(p *inspect.Pod) int {
		r := 0
		if !p.Ready {
			r += 16
		}
		if !hasTools(p) {
			r += 8
		}
		if strings.HasPrefix(p.Namespace, "kube-") || strings.HasPrefix(p.Namespace, "calico-") || p.Namespace == "tigera-operator" {
			r += 4
		}
		if p.Namespace != namespace {
			r += 2
		}
		if len(p.Ports) == 0 {
			r++
		}
		return r
	}
	return cmp.Or(rank(a)-rank(b), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// hasTools guesses by its names whether a pod has ping and the like.
func hasTools(p *inspect.Pod) bool {
	for _, name := range append([]string{p.Name, p.Labels["app"]}, p.Containers...) {
		for _, known := range []string{"multitool", "netshoot", "busybox", "alpine", "debian", "ubuntu", "fedora", "toolbox"} {
			if strings.Contains(name, known) {
				return true
			}
		}
	}
	return false
}
