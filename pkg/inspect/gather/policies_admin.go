package gather

import (
	"context"
	"errors"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// groupPolicy is the API group of the policies of Kubernetes for whole clusters. They are not in client-go: their types
// are in a module of their own, which would bring little but the fields below (sigs.k8s.io/network-policy-api, apis/v1alpha1 and
// v1alpha2).
const groupPolicy = "policy.networking.k8s.io"

// adminSpec is the spec of an AdminNetworkPolicy, a BaselineAdminNetworkPolicy or a ClusterNetworkPolicy.
type adminSpec struct {
	Tier     string      `json:"tier"` // of a ClusterNetworkPolicy: Admin, Baseline
	Priority *float64    `json:"priority"`
	Subject  adminPeer   `json:"subject"`
	Ingress  []adminRule `json:"ingress"`
	Egress   []adminRule `json:"egress"`
}

type adminRule struct {
	Action    string          `json:"action"`
	From      []adminPeer     `json:"from"`
	To        []adminPeer     `json:"to"`
	Ports     []adminPort     `json:"ports"`     // v1alpha1
	Protocols []adminProtocol `json:"protocols"` // v1alpha2
}

type adminPeer struct {
	Namespaces *metav1.LabelSelector `json:"namespaces"`
	Pods       *struct {
		NamespaceSelector metav1.LabelSelector `json:"namespaceSelector"`
		PodSelector       metav1.LabelSelector `json:"podSelector"`
	} `json:"pods"`
	Networks    []string              `json:"networks"`
	Nodes       *metav1.LabelSelector `json:"nodes"`
	DomainNames []string              `json:"domainNames"`
}

type adminPort struct {
	PortNumber *struct {
		Protocol string `json:"protocol"`
		Port     uint16 `json:"port"`
	} `json:"portNumber"`
	PortRange *struct {
		Protocol string `json:"protocol"`
		Start    uint16 `json:"start"`
		End      uint16 `json:"end"`
	} `json:"portRange"`
	NamedPort string `json:"namedPort"`
}

type adminProtocol struct {
	TCP                  *adminDestination `json:"tcp"`
	UDP                  *adminDestination `json:"udp"`
	SCTP                 *adminDestination `json:"sctp"`
	DestinationNamedPort string            `json:"destinationNamedPort"`
}

type adminDestination struct {
	DestinationPort *struct {
		Number uint16 `json:"number"`
		Range  *struct {
			Start uint16 `json:"start"`
			End   uint16 `json:"end"`
		} `json:"range"`
	} `json:"destinationPort"`
}

// adminPolicies reads the policies of Kubernetes for whole clusters, where there are such.
func (c *Cluster) adminPolicies(ctx context.Context, add func(inspect.Policy)) error {
	var errs error
	for _, kind := range []struct{ kind, version, resource string }{
		{"AdminNetworkPolicy", "v1alpha1", "adminnetworkpolicies"},
		{"BaselineAdminNetworkPolicy", "v1alpha1", "baselineadminnetworkpolicies"},
		{"ClusterNetworkPolicy", "v1alpha2", "clusternetworkpolicies"},
	} {
		gv := schema.GroupVersion{Group: groupPolicy, Version: kind.version}
		there, err := serves(ctx, c.Clients, gv, kind.resource)
		if err != nil || !there {
			errs = errors.Join(errs, err)
			continue
		}
		errs = errors.Join(errs, c.listObjects(ctx, gv.WithResource(kind.resource), true, func(u *unstructured.Unstructured) {
			add(readAdminPolicy(kind.kind, u))
		}))
	}
	return errs
}

// readAdminPolicy keeps the fields of a policy of a whole cluster that we use.
func readAdminPolicy(kind string, u *unstructured.Unstructured) inspect.Policy {
	spec, ok := readSpec[adminSpec](u, "tier", "priority", "subject", "ingress", "egress")
	p := inspect.Policy{Kind: kind, Name: u.GetName(), Order: spec.Priority, Tier: calico.TierAdminPolicies, Unread: !ok,
		Ingress: len(spec.Ingress) > 0 || !ok, Egress: len(spec.Egress) > 0 || !ok}
	switch {
	case kind == "BaselineAdminNetworkPolicy":
		p.Tier = calico.TierBaselinePolicies
	case spec.Tier == "Admin":
		p.Tier = calico.TierKubeAdmin
	case spec.Tier == "Baseline":
		p.Tier = calico.TierKubeBaseline
	}
	subject, unread := readAdminPeer(spec.Subject)
	p.Selector, p.Namespaces, p.Unread = subject.Selector, subject.Namespaces, p.Unread || unread != ""
	for i, r := range spec.Ingress {
		p.Rules = append(p.Rules, readAdminRule(r, inspect.PolicyRule{Number: i + 1}, r.From)...)
	}
	for i, r := range spec.Egress {
		p.Rules = append(p.Rules, readAdminRule(r, inspect.PolicyRule{Number: i + 1, Egress: true}, r.To)...)
	}
	return p
}

// readAdminRule returns a rule for each peer and protocol.
func readAdminRule(r adminRule, rule inspect.PolicyRule, peers []adminPeer) []inspect.PolicyRule {
	rule.Action = r.Action
	if r.Action == "Accept" { // of a ClusterNetworkPolicy
		rule.Action = string(v3.Allow)
	}
	var all []inspect.PolicyRule
	with := append(adminPorts(r.Ports), adminProtocols(r.Protocols)...)
	if len(r.Ports)+len(r.Protocols) == 0 {
		with = []protocolPorts{{}} // any
	}
	for _, with := range with {
		for _, peer := range peers {
			one := rule
			one.Protocol = with.protocol
			*one.Peer(), one.Unread = readAdminPeer(peer)
			one.Destination.Ports = with.ports
			all = append(all, one)
		}
	}
	return all
}

// protocolPorts are the ports of a protocol; empty is any.
type protocolPorts struct {
	protocol string
	ports    []inspect.PolicyPort
}

func adminPorts(ports []adminPort) []protocolPorts {
	var all []protocolPorts
	add := func(protocol string, p inspect.PolicyPort) {
		if protocol == "" {
			protocol = string(corev1.ProtocolTCP)
		}
		all = append(all, protocolPorts{protocol, []inspect.PolicyPort{p}})
	}
	for _, p := range ports {
		switch {
		case p.PortNumber != nil:
			add(p.PortNumber.Protocol, inspect.PolicyPort{Min: p.PortNumber.Port, Max: p.PortNumber.Port})
		case p.PortRange != nil:
			add(p.PortRange.Protocol, inspect.PolicyPort{Min: p.PortRange.Start, Max: p.PortRange.End})
		case p.NamedPort != "":
			all = append(all, protocolPorts{"", []inspect.PolicyPort{{Name: p.NamedPort}}})
		}
	}
	return all
}

func adminProtocols(protocols []adminProtocol) []protocolPorts {
	var all []protocolPorts
	add := func(protocol corev1.Protocol, d *adminDestination) {
		if d == nil {
			return
		}
		with := protocolPorts{protocol: string(protocol)}
		if p := d.DestinationPort; p != nil {
			port := inspect.PolicyPort{Min: p.Number, Max: p.Number}
			if p.Range != nil {
				port = inspect.PolicyPort{Min: p.Range.Start, Max: p.Range.End}
			}
			with.ports = []inspect.PolicyPort{port}
		}
		all = append(all, with)
	}
	for _, p := range protocols {
		add(corev1.ProtocolTCP, p.TCP)
		add(corev1.ProtocolUDP, p.UDP)
		add(corev1.ProtocolSCTP, p.SCTP)
		if p.DestinationNamedPort != "" {
			all = append(all, protocolPorts{"", []inspect.PolicyPort{{Name: p.DestinationNamedPort}}})
		}
	}
	return all
}

// readAdminPeer reads who is selected, and says what of it cannot be judged here.
func readAdminPeer(peer adminPeer) (end inspect.PolicyEnd, unread string) {
	var err error
	switch {
	case peer.Namespaces != nil:
		end, err = selectedPods(peer.Namespaces, nil)
	case peer.Pods != nil:
		end, err = selectedPods(&peer.Pods.NamespaceSelector, &peer.Pods.PodSelector)
	case len(peer.Networks) > 0:
		end.Nets = prefixes(peer.Networks)
	case peer.Nodes != nil:
		unread = "nodes"
	case len(peer.DomainNames) > 0:
		unread = "domainNames"
	default:
		unread = "a peer of a newer kind"
	}
	if err != nil {
		unread = err.Error()
	}
	return end, unread
}
