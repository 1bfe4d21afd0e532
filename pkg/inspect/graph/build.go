package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/nodes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/pods"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/services"
)

// builder is one run of Analyze.
type builder struct {
	snapshot *inspect.Snapshot
	expected *felix.Cluster // what the nodes' tables are compared with
	options  Options
	graph    *Graph
}

// of returns the addresses of the shown families.
func (b *builder) of(a Addresses) Addresses {
	for _, f := range inspect.Families() {
		if !b.options.Family.Matches(f) {
			a.Set(f, Addresses{}.V4)
		}
	}
	return a
}

func (b *builder) addSwitch() {
	lab := b.snapshot.Lab
	if lab.Gateway == (Addresses{}) && lab.External == (Addresses{}) {
		return
	}
	name := "switch"
	if lab.Name != "" {
		name = lab.Name + "-switch"
	}
	b.graph.Switch = &Switch{Name: name, Gateway: b.of(lab.Gateway), External: b.of(lab.External)}
}

// addNodes adds the nodes of the API, and those that only pods name.
func (b *builder) addNodes() {
	known := map[string]bool{}
	for _, row := range nodes.Analyze(b.snapshot, nodes.Options{Family: b.options.Family}).Items {
		known[row.Name] = true
		n := Node{Name: row.Name, Roles: row.Roles, Addresses: Addresses{V4: row.InternalIPv4, V6: row.InternalIPv6}}
		if !row.Ready {
			n.add(inspect.Finding{Code: check.NodeNotReady, Severity: inspect.SeverityError, Summary: "the node is not ready"})
		}
		b.graph.Nodes = append(b.graph.Nodes, n)
	}
	for _, pod := range b.snapshot.Pods {
		if pod.Node == "" || known[pod.Node] {
			continue
		}
		known[pod.Node] = true
		n := Node{Name: pod.Node}
		reason := b.snapshot.Lacks(inspect.FactNodes, "")
		n.add(inspect.Finding{Code: NodeNotListed, Severity: inspect.SeverityUnknown,
			Summary: "not in the list of nodes: " + cmp.Or(reason, "there is no such node")})
		b.graph.Nodes = append(b.graph.Nodes, n)
	}
	slices.SortFunc(b.graph.Nodes, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
}

// node returns the node of a name, or nil.
func (b *builder) node(name string) *Node {
	i, found := slices.BinarySearchFunc(b.graph.Nodes, name, func(n Node, name string) int { return cmp.Compare(n.Name, name) })
	if !found {
		return nil
	}
	return &b.graph.Nodes[i]
}

func (b *builder) addServices() {
	for _, row := range services.Analyze(b.snapshot, b.options.Family).Items {
		s := Service{Namespace: row.Namespace, Name: row.Name, Type: row.Type, Ports: row.Ports, Endpoints: row.Endpoints,
			Addresses: Addresses{V4: row.IPv4, V6: row.IPv6}}
		for _, f := range row.IPFamilies {
			if e := row.Endpoints.Get(f); e != nil && e.Total > 0 && e.Ready == 0 {
				s.add(inspect.Finding{Code: ServiceNotReady, Severity: inspect.SeverityError, Family: f,
					Summary: fmt.Sprintf("none of the %d %s endpoints is ready", e.Total, f)})
			}
		}
		b.graph.Services = append(b.graph.Services, s)
	}
	if b.options.Serving {
		served := b.served()
		b.graph.Services = slices.DeleteFunc(b.graph.Services, func(s Service) bool { return !served[s.Namespace+"/"+s.Name] })
	}
}

// served says which services send to pods of the snapshot.
func (b *builder) served() map[string]bool {
	shown, served := map[string]bool{}, map[string]bool{}
	for _, p := range b.snapshot.Pods {
		shown[p.Namespace+"/"+p.Name] = true
	}
	for _, slice := range b.snapshot.EndpointSlices {
		for _, e := range slice.Endpoints {
			if shown[slice.Namespace+"/"+e.Pod] {
				served[slice.Namespace+"/"+slice.Service] = true
			}
		}
	}
	return served
}

func (b *builder) addPods() {
	sending := b.sending()
	unhealthy := map[string]string{}
	for _, p := range b.snapshot.Pods {
		unhealthy[p.Namespace+"/"+p.Name] = podProblem(p)
	}
	for _, row := range pods.Analyze(b.snapshot.Pods, nil, b.options.Family).Items {
		n := b.node(row.Node)
		if n == nil {
			continue // not scheduled: it has no node yet
		}
		name := row.Namespace + "/" + row.Name
		p := Pod{Namespace: row.Namespace, Name: row.Name, HostNetwork: row.HostNetwork, Services: sending[name],
			Addresses: Addresses{V4: row.IPv4, V6: row.IPv6}}
		if problem := unhealthy[name]; problem != "" {
			p.add(inspect.Finding{Code: PodNotReady, Severity: inspect.SeverityError, Summary: problem})
		}
		n.Pods = append(n.Pods, p)
	}
}

// podProblem says why a pod cannot serve; a finished pod does not need to.
func podProblem(p inspect.Pod) string {
	switch corev1.PodPhase(p.Phase) {
	case corev1.PodSucceeded, "":
		return ""
	case corev1.PodRunning:
		if p.Ready {
			return ""
		}
		return "the pod runs and is not ready"
	default:
		return "the pod is " + strings.ToLower(p.Phase)
	}
}

// sending returns the services that send to each pod, by "namespace/name".
func (b *builder) sending() map[string][]int {
	index := map[string]int{}
	for i, s := range b.graph.Services {
		index[s.Namespace+"/"+s.Name] = i
	}
	all := map[string][]int{}
	for _, slice := range b.snapshot.EndpointSlices {
		i, ok := index[slice.Namespace+"/"+slice.Service]
		if !ok || !b.options.Family.Matches(slice.Family) {
			continue
		}
		for _, e := range slice.Endpoints {
			name := slice.Namespace + "/" + e.Pod
			if e.Pod != "" && !slices.Contains(all[name], i) {
				all[name] = append(all[name], i)
			}
		}
	}
	for _, list := range all {
		slices.Sort(list)
	}
	return all
}
