package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/steps"
)

// Health is the state of the lab's parts by the API server. An empty list of problems is a healthy part.
type Health struct {
	Kubernetes    string              // the API server's version
	Calico        string              // the tag of the calico-node image
	Nodes         map[string][]string // by node name: problems
	CalicoTrouble []string
	Pods          []string // of everything that is neither Calico nor the tools
	Tools         []string
	Operator      []string // what Calico's operator says of its components: a problem each
	HasOperator   bool

	pods []corev1.Pod
}

// Member is a node that the cluster must have. Reports from before its container was started do not count.
type Member struct {
	Name    string
	Started time.Time
}

// Problems returns all problems in one list.
func (h Health) Problems(members []Member) []string {
	var all []string
	for _, m := range members {
		for _, p := range h.Nodes[m.Name] {
			all = append(all, "node "+m.Name+": "+p)
		}
	}
	all = append(all, h.CalicoTrouble...)
	all = append(all, h.Pods...)
	return append(all, h.Tools...)
}

// Checker asks the cluster how it is.
type Checker struct {
	client  kubernetes.Interface
	dynamic dynamic.Interface // for the operator's own kinds
}

// NewChecker returns a Checker of the cluster that c leads to.
func NewChecker(c *rest.Config) (*Checker, error) {
	client, err := kubernetes.NewForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	kinds, err := dynamic.NewForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	return &Checker{client: client, dynamic: kinds}, nil
}

// Check returns the cluster's health. An error means that the API server did not answer.
func (c *Checker) Check(ctx context.Context, members []Member) (Health, error) {
	h := Health{Nodes: map[string][]string{}}
	version, err := c.client.Discovery().ServerVersion()
	if err != nil {
		return h, fmt.Errorf("ask the API server for its version: %w", err)
	}
	h.Kubernetes = version.GitVersion
	if err := c.checkNodes(ctx, &h, members); err != nil {
		return h, err
	}
	pods, err := c.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return h, fmt.Errorf("list pods: %w", err)
	}
	h.pods = pods.Items
	if err := c.checkCalico(ctx, &h, len(members)); err != nil {
		return h, err
	}
	started := map[string]time.Time{}
	for _, m := range members {
		started[m.Name] = m.Started
	}
	for _, p := range pods.Items {
		problem := podProblem(&p, started[p.Spec.NodeName])
		switch {
		case problem == "":
		case isCalico(&p):
			h.CalicoTrouble = append(h.CalicoTrouble, problem)
		case p.Namespace == toolsNamespace && p.Labels["app"] == toolsApp:
			h.Tools = append(h.Tools, problem)
		case p.Namespace == metav1.NamespaceSystem:
			h.Pods = append(h.Pods, problem)
		}
	}
	return h, c.checkTools(ctx, &h, len(members))
}

// isCalico reports whether a pod belongs to Calico: by its name in kube-system, where other programs run as well, or as one of those
// of the operator, which have namespaces of their own.
func isCalico(p *corev1.Pod) bool {
	return strings.HasPrefix(p.Name, "calico-") || slices.Contains([]string{"calico-system", "calico-apiserver", "tigera-operator"}, p.Namespace)
}

// The tools that the lab installs (package render, tools.yaml).
const (
	toolsNamespace = "default"
	toolsApp       = "multitool"
)

func (c *Checker) checkNodes(ctx context.Context, h *Health, members []Member) error {
	list, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	leases, err := c.client.CoordinationV1().Leases(corev1.NamespaceNodeLease).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the nodes' leases: %w", err)
	}
	renewed := map[string]time.Time{}
	for _, l := range leases.Items {
		if l.Spec.RenewTime != nil {
			renewed[l.Name] = l.Spec.RenewTime.Time
		}
	}
	ready := map[string]string{}
	for _, n := range list.Items {
		ready[n.Name] = nodeProblem(&n)
	}
	for _, m := range members {
		problem, there := ready[m.Name]
		switch {
		case !there:
			problem = "has not joined the cluster"
		case problem == "" && renewed[m.Name].Before(m.Started):
			problem = "its kubelet has not reported since it was started"
		}
		if problem != "" {
			h.Nodes[m.Name] = append(h.Nodes[m.Name], problem)
		}
	}
	return nil
}

func nodeProblem(n *corev1.Node) string {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			if c.Status == corev1.ConditionTrue {
				return ""
			}
			return "not ready: " + firstLine(c.Message)
		}
	}
	return "not ready"
}

// podProblem returns the problem of a pod on a node that was started at that time, or nothing. Pods that are done or
// going away have none.
func podProblem(p *corev1.Pod, nodeStarted time.Time) string {
	if p.Status.Phase == corev1.PodSucceeded || p.DeletionTimestamp != nil {
		return ""
	}
	ready := false
	for _, c := range p.Status.Conditions {
		ready = ready || c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	}
	if ready && !runsSinceBefore(p, nodeStarted) {
		return ""
	}
	why := string(p.Status.Phase)
	if ready {
		why = "it has not been started again since its node was"
	}
	for _, s := range append(p.Status.InitContainerStatuses, p.Status.ContainerStatuses...) {
		if w := s.State.Waiting; w != nil && w.Reason != "" {
			why = w.Reason
			if w.Message != "" {
				why += ": " + firstLine(w.Message)
			}
			break
		}
	}
	return fmt.Sprintf("pod %s/%s: not ready: %s", p.Namespace, p.Name, why)
}

// runsSinceBefore reports whether the status says that a container of the pod has run since before t. That cannot be if its
// node was started at t: the status is an old one. The API gives full seconds.
func runsSinceBefore(p *corev1.Pod, t time.Time) bool {
	for _, s := range p.Status.ContainerStatuses {
		if r := s.State.Running; r != nil && r.StartedAt.Add(time.Second).Before(t) {
			return true
		}
	}
	return false
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

func (c *Checker) checkCalico(ctx context.Context, h *Health, nodes int) error {
	for _, ns := range calico.NodeNamespaces() {
		list, err := c.client.AppsV1().DaemonSets(ns).List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + calico.NodeName})
		if err != nil {
			return fmt.Errorf("list DaemonSets in %s: %w", ns, err)
		}
		for _, d := range list.Items {
			for _, x := range d.Spec.Template.Spec.Containers {
				if x.Name == calico.NodeName {
					h.Calico = calico.ImageTag(x.Image)
				}
			}
			if int(d.Status.NumberReady) < nodes {
				h.CalicoTrouble = append(h.CalicoTrouble, fmt.Sprintf("%s is ready on %d of %d nodes", calico.NodeName, d.Status.NumberReady, nodes))
			}
			return nil
		}
	}
	trouble := calico.NodeName + " is not installed"
	if i := slices.IndexFunc(h.pods, func(p corev1.Pod) bool { return p.Namespace == "tigera-operator" && podProblem(&p, time.Time{}) != "" }); i >= 0 {
		trouble += ": its operator does not run"
	}
	h.CalicoTrouble = append(h.CalicoTrouble, trouble)
	return nil
}

// WaitCalico returns once calico-node runs on that many nodes. It need not be ready yet: the CNI plugin only waits for it to
// have started.
func (c *Checker) WaitCalico(ctx context.Context, nodes int, detail func(string)) error {
	stuck := newStuck(c.client)
	return steps.Await(ctx, pollInterval, "Calico", func(ctx context.Context) (string, error) {
		pods, err := c.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
		if err != nil {
			return err.Error(), nil
		}
		if err := stuck.look(ctx, pods.Items, detail); err != nil {
			return "", err
		}
		running := 0
		for _, p := range pods.Items {
			if p.Labels["k8s-app"] != calico.NodeName {
				continue
			}
			for _, s := range p.Status.ContainerStatuses {
				if s.Name == calico.NodeName && s.State.Running != nil {
					running++
				}
			}
		}
		if running < nodes {
			return fmt.Sprintf("%s runs on %d of %d nodes", calico.NodeName, running, nodes), nil
		}
		return "", nil
	})
}

// CalicoInstalled reports whether there is a calico-node DaemonSet.
func (c *Checker) CalicoInstalled(ctx context.Context) (bool, error) {
	h := Health{}
	if err := insist(ctx, func(ctx context.Context) error { return c.checkCalico(ctx, &h, 0) }); err != nil {
		return false, err
	}
	return len(h.CalicoTrouble) == 0, nil
}

// checkTools looks at the two services: each of their families must have an endpoint on every node.
func (c *Checker) checkTools(ctx context.Context, h *Health, nodes int) error {
	list, err := c.client.DiscoveryV1().EndpointSlices(toolsNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list endpoint slices: %w", err)
	}
	ready := map[string]int{}
	for _, s := range list.Items {
		for _, e := range s.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				ready[s.Labels[discoveryv1.LabelServiceName]+" "+string(s.AddressType)]++
			}
		}
	}
	for _, want := range []string{"multitool-dual-stack IPv4", "multitool-dual-stack IPv6", "multitool-ipv6-only IPv6"} {
		if ready[want] < nodes {
			service, family, _ := strings.Cut(want, " ")
			h.Tools = append(h.Tools, fmt.Sprintf("service %s has %d of %d endpoints in %s", service, ready[want], nodes, family))
		}
	}
	return nil
}

// ServiceAddresses returns the addresses of the lab's services and of the cluster's DNS, as "ADDRESS PORT", of both families. Only
// their TCP ports count.
func (c *Checker) ServiceAddresses(ctx context.Context) ([]string, error) {
	var all []string
	for namespace, selector := range map[string]string{metav1.NamespaceSystem: "k8s-app=kube-dns", toolsNamespace: "app=" + toolsApp} {
		list, err := c.client.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return nil, fmt.Errorf("list services: %w", err)
		}
		for _, s := range list.Items {
			for _, p := range s.Spec.Ports {
				for _, ip := range s.Spec.ClusterIPs {
					if p.Protocol == corev1.ProtocolTCP && p.Name != "metrics" {
						all = append(all, fmt.Sprintf("%s %d", ip, p.Port))
					}
				}
			}
		}
	}
	slices.Sort(all)
	return all, nil
}

// WaitReady returns once Check and also report no problem. It calls also only when Check has none. detail receives what is
// still missing.
func (c *Checker) WaitReady(ctx context.Context, members []Member, also func(context.Context) ([]string, error), detail func(string)) error {
	stuck := newStuck(c.client)
	return steps.Await(ctx, pollInterval, "the lab to become ready", func(ctx context.Context) (string, error) {
		h, err := c.Check(ctx, members)
		if err != nil {
			return err.Error(), nil
		}
		if err := stuck.look(ctx, h.pods, detail); err != nil {
			return "", err
		}
		problems := h.Problems(members)
		if len(problems) == 0 {
			if problems, err = also(ctx); err != nil {
				return err.Error(), nil
			}
		}
		if len(problems) == 0 {
			return "", nil
		}
		detail(problems[0])
		return strings.Join(problems, "; "), nil
	})
}
