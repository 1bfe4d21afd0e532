// Package pods reports the addresses of pods in both families. It is pure: it reads no cluster and prints nothing.
package pods

import (
	"cmp"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Kind is the kind of a row.
const Kind = "Pod"

// Row is a pod in a report.
type Row struct {
	Namespace   string     `json:"namespace"`
	Name        string     `json:"name"`
	Node        string     `json:"node,omitempty"`
	Phase       string     `json:"phase,omitempty"`
	HostNetwork bool       `json:"hostNetwork"`
	IPv4        netip.Addr `json:"ipv4,omitzero"`
	IPv6        netip.Addr `json:"ipv6,omitzero"`
	PoolIPv4    string     `json:"poolIPv4,omitempty"`  // the Calico pool that the address is from
	PoolIPv6    string     `json:"poolIPv6,omitempty"`  // the Calico pool that the address is from
	Interface   string     `json:"interface,omitempty"` // the node's end of the pod's link; only on Calico's network
	// Problems are those that the rules of check found, each with its code first, if they were run.
	Problems []string `json:"problems,omitempty"`
}

// Health returns the health of the pod, by its phase.
func (r Row) Health() inspect.Health {
	switch corev1.PodPhase(r.Phase) {
	case corev1.PodRunning, corev1.PodSucceeded:
		return inspect.Healthy
	case corev1.PodFailed:
		return inspect.Broken
	case corev1.PodPending, corev1.PodUnknown:
		return inspect.Doubtful
	default:
		return inspect.Neutral
	}
}

// Analyze reports pods, in the order of Compare. Family shows only addresses of one family; a pod
// without one keeps its row, since readers look for such pods. The zero Family shows both.
func Analyze(pods []inspect.Pod, pools []inspect.IPPool, family inspect.Family) *inspect.Report[Row] {
	rows := make([]Row, 0, len(pods))
	for _, pod := range pods {
		rows = append(rows, report(pod, pools, family))
	}
	slices.SortFunc(rows, Compare)
	return inspect.NewReport(Kind, rows)
}

// Compare orders rows by namespace, node, name and address. Namespaces sort as the API server lists them, "a-b" before
// "a", so that a long list can be printed while it is still being read.
func Compare(a, b Row) int {
	return cmp.Or(
		compareNamespaces(a.Namespace, b.Namespace),
		cmp.Compare(a.Node, b.Node),
		cmp.Compare(a.Name, b.Name),
		a.IPv4.Compare(b.IPv4),
		a.IPv6.Compare(b.IPv6),
	)
}

func compareNamespaces(a, b string) int {
	if a == b { // usual, since pods come by namespace
		return 0
	}
	return cmp.Compare(a+"/", b+"/")
}

func report(pod inspect.Pod, pools []inspect.IPPool, family inspect.Family) Row {
	row := Row{
		Namespace: pod.Namespace, Name: pod.Name, Node: pod.Node, Phase: pod.Phase, HostNetwork: pod.HostNetwork,
	}
	onCalico := pod.CalicoCNI
	for _, ip := range pod.IPs {
		pool := ""
		if !pod.HostNetwork {
			if p := inspect.PoolOf(pools, ip); p != nil {
				pool = p.Name
			}
		}
		onCalico = onCalico || pool != ""
		switch f := inspect.FamilyOf(ip); {
		case !family.Matches(f):
		case f == inspect.IPv4 && !row.IPv4.IsValid():
			row.IPv4, row.PoolIPv4 = ip, pool
		case f == inspect.IPv6 && !row.IPv6.IsValid():
			row.IPv6, row.PoolIPv6 = ip, pool
		}
	}
	if onCalico && !pod.HostNetwork && !finished(pod) && len(pod.IPs) > 0 {
		row.Interface = calico.PodInterface(pod.Namespace, pod.Name)
	}
	return row
}

// finished reports whether a pod has ended: its addresses are free again and its device is gone, despite its
// status.
func finished(pod inspect.Pod) bool {
	return pod.Phase == string(corev1.PodSucceeded) || pod.Phase == string(corev1.PodFailed)
}
