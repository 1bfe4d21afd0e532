package redact

import (
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// see takes notice of all names of a Snapshot, before the first of them is replaced.
func (r *redactor) see(s *inspect.Snapshot) {
	for _, m := range s.Missing {
		r.nodes.see(m.Node)
	}
	for node := range s.Tables {
		r.nodes.see(node)
	}
	for name := range s.Calico.Felix {
		if node, ok := strings.CutPrefix(name, felixNodePrefix); ok {
			r.nodes.see(node)
		}
	}
	r.seeNodes(s)
	r.seeWorkloads(s)
	for _, p := range s.Pools {
		r.pools.see(p.Name)
		mapSelector(p.NodeSelector, r.seeKey, r.seeValue)
	}
	for _, b := range s.Blocks {
		r.nodes.see(b.Node)
		for _, a := range b.Allocations {
			r.nodes.see(a.Node)
			r.namespaces.see(a.Namespace)
			r.pods.see(a.Pod)
			r.handles.see(a.Handle)
		}
	}
}

func (r *redactor) seeNodes(s *inspect.Snapshot) {
	for _, n := range s.Nodes {
		r.nodes.see(n.Name)
		for _, role := range n.Roles {
			r.roles.see(role)
		}
		r.seeLabels(n.Labels)
	}
}

func (r *redactor) seeWorkloads(s *inspect.Snapshot) {
	for _, p := range s.Pods {
		r.namespaces.see(p.Namespace)
		r.pods.see(p.Name)
		r.uids.see(p.UID)
		r.nodes.see(p.Node)
		r.seeLabels(p.Labels)
		for _, c := range p.Containers {
			r.containers.see(c)
		}
		for _, port := range p.Ports {
			r.ports.see(port.Name)
		}
	}
	for _, svc := range s.Services {
		r.namespaces.see(svc.Namespace)
		r.services.see(svc.Name)
		r.seeLabels(svc.Labels)
		r.seeLabels(svc.Selector)
		for _, p := range svc.Ports {
			r.ports.see(p.Name)
			if !isNumber(p.TargetPort) {
				r.ports.see(p.TargetPort)
			}
		}
	}
	for _, e := range s.EndpointSlices {
		r.namespaces.see(e.Namespace)
		r.slices.see(e.Name)
		r.services.see(e.Service)
		for _, p := range e.Ports {
			r.ports.see(p.Name)
		}
		for _, endpoint := range e.Endpoints {
			r.nodes.see(endpoint.Node)
			r.pods.see(endpoint.Pod)
		}
	}
}

func (r *redactor) seeLabels(labels map[string]string) {
	for key, value := range labels {
		r.seeKey(key)
		r.seeValue(value)
	}
}

func (r *redactor) seeKey(key string) string {
	if role, ok := strings.CutPrefix(key, rolePrefix); ok {
		r.roles.see(role)
	} else if !isCommonKey(key) {
		r.keys.see(key)
	}
	return key
}

func (r *redactor) seeValue(value string) string {
	r.values.see(value)
	return value
}

// rolePrefix begins the labels that name a node's roles.
const rolePrefix = "node-role.kubernetes.io/"

// isCommonKey reports whether the key of a label is one of Kubernetes' or Calico's own.
func isCommonKey(key string) bool {
	domain, _, ok := strings.Cut(key, "/")
	if !ok {
		return false
	}
	for _, common := range []string{"kubernetes.io", "k8s.io", "projectcalico.org"} {
		if domain == common || strings.HasSuffix(domain, "."+common) {
			return true
		}
	}
	return false
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}
