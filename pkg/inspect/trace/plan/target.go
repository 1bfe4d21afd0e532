package plan

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// Target is the target of a trace.
type Target struct {
	Kind      trace.EndpointKind // HostName for names; Outside for addresses that the cluster does not know
	Namespace string
	Name      string     // of a pod, service or node, or the DNS name
	IP        netip.Addr // where an address was given
	Host      string     // the name that led here, if one did

	page      *page // of a URL
	resolved  bool
	addresses []netip.Addr
}

// NeedsAnswer reports whether the target is a name that DNS has not answered yet. Until then the plan has only the questions
// for it.
func (t *Target) NeedsAnswer() bool { return t.Kind == trace.HostName && !t.resolved }

// Resolve sets the addresses of a name. A family without any is skipped.
func (t *Target) Resolve(addresses []netip.Addr) { t.resolved, t.addresses = true, addresses }

// ParseTarget reads a target as typed: an address, pod/NAME or svc/NAME (also NAMESPACE in between), node/NAME, a host
// name, or a URL. The namespace applies to names without one. The error is one line for the user.
func ParseTarget(s *inspect.Snapshot, text, namespace, domain string) (*Target, error) {
	namespace, domain = cmp.Or(namespace, "default"), cmp.Or(domain, DefaultDomain)
	switch {
	case text == "":
		return nil, errors.New("the target is empty: give an IP address, a host name, pod/NAME, svc/NAME or node/NAME")
	case strings.HasPrefix(text, "-"):
		return nil, fmt.Errorf("target %q begins with a dash: give an IP address, a host name, pod/NAME, svc/NAME or node/NAME", text)
	case strings.Contains(text, "://"):
		return parseURL(s, text, domain)
	case strings.Contains(text, "/"):
		return parseObject(s, text, namespace, domain)
	case strings.Contains(text, ":") || strings.Trim(text, "0123456789.") == "":
		return parseAddress(s, text)
	}
	return parseName(s, text, domain)
}

func parseObject(s *inspect.Snapshot, text, namespace, domain string) (*Target, error) {
	parts := strings.Split(text, "/")
	if len(parts) == 2 && parts[1] != "" && isNodeKind(parts[0]) {
		if findNode(s, parts[1]) == nil {
			return nil, fmt.Errorf("there is no node %q", parts[1])
		}
		return &Target{Kind: trace.Node, Name: parts[1]}, nil
	}
	if len(parts) == 3 {
		namespace, parts = parts[1], []string{parts[0], parts[2]}
	}
	if len(parts) != 2 || parts[1] == "" || namespace == "" {
		return nil, fmt.Errorf("target %q is neither pod/NAME, svc/NAME nor node/NAME", text)
	}
	name := parts[1]
	switch kind := strings.ToLower(parts[0]); {
	case isPodKind(kind):
		if findPod(s, namespace, name) == nil {
			return nil, missing(s, inspect.FactPods, "pod", name, namespace)
		}
		return &Target{Kind: trace.Pod, Namespace: namespace, Name: name}, nil
	case slices.Contains([]string{"svc", "service", "services"}, kind):
		return serviceTarget(s, namespace, name, domain, "")
	}
	return nil, fmt.Errorf("target %q: %q is neither pod, svc nor node", text, parts[0])
}

// serviceTarget is a service as a target. One of type ExternalName is a name of DNS that leads elsewhere.
func serviceTarget(s *inspect.Snapshot, namespace, name, domain, host string) (*Target, error) {
	svc := findService(s, namespace, name)
	switch {
	case svc == nil:
		return nil, missing(s, inspect.FactServices, "service", name, namespace)
	case svc.ExternalName != "":
		return &Target{Kind: trace.HostName, Name: fullName(svc, domain)}, nil
	}
	return &Target{Kind: trace.Svc, Namespace: namespace, Name: name, Host: host}, nil
}

func missing(s *inspect.Snapshot, fact inspect.Fact, kind, name, namespace string) error {
	if reason := s.Lacks(fact, ""); reason != "" {
		return fmt.Errorf("find %s %q: %s", kind, name, reason)
	}
	return fmt.Errorf("there is no %s %q in namespace %q", kind, name, namespace)
}

func parseAddress(s *inspect.Snapshot, text string) (*Target, error) {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return nil, fmt.Errorf("target %q is not an IP address", text)
	}
	ip = ip.Unmap()
	if ip.Zone() != "" {
		return nil, fmt.Errorf("target %s has a zone: an address of one link only cannot be traced", text)
	}
	if reason := Unreachable(ip); reason != "" {
		return nil, fmt.Errorf("target %s cannot be traced: it is %s", text, reason)
	}
	return newPlanner(s, Request{}).identify(ip), nil
}

// Unreachable says why pods cannot reach another machine at an address, or nothing. Packets to most such addresses never
// leave the sender, so an answer would prove nothing (RFC 6890).
func Unreachable(ip netip.Addr) string {
	ip = ip.Unmap()
	switch {
	case ip.IsUnspecified():
		return "the unspecified address, which stands for the machine itself"
	case ip.IsLoopback():
		return "a loopback address, which leads back to the pod itself"
	case ip.IsLinkLocalUnicast():
		return "a link-local address, which is of one link only"
	case ip.IsMulticast():
		return "a multicast address"
	case ip.Is4() && ip.As4()[0] == 0:
		return "of the range 0.0.0.0/8, which no machine has"
	case ip.Is4() && ip.As4()[0] >= 240:
		return "of the range 240.0.0.0/4, which no machine has"
	case ip.Is6() && netip.MustParsePrefix("::/96").Contains(ip):
		return "of the range ::/96, which no machine has"
	}
	return ""
}

// identify finds the owner of an address.
func (p *planner) identify(ip netip.Addr) *Target {
	if pod := p.pods[ip]; pod != nil {
		return &Target{Kind: trace.Pod, Namespace: pod.Namespace, Name: pod.Name, IP: ip}
	}
	for _, svc := range p.s.Services {
		for _, a := range svc.ClusterIPs {
			if a == ip {
				return &Target{Kind: trace.Svc, Namespace: svc.Namespace, Name: svc.Name, IP: ip}
			}
		}
	}
	if name, ok := p.ground.Hosts[ip]; ok {
		return &Target{Kind: trace.Node, Name: name, IP: ip}
	}
	for i := range p.s.Services {
		svc := &p.s.Services[i]
		if slices.ContainsFunc(outside(svc), func(at inspect.Frontend) bool { return at.Address == ip }) {
			return &Target{Kind: trace.Svc, Namespace: svc.Namespace, Name: svc.Name, IP: ip}
		}
	}
	f := inspect.FamilyOf(ip)
	if ip == p.s.Lab.External.Get(f) || ip == p.s.Lab.Gateway.Get(f) {
		return &Target{Kind: trace.Switch, IP: ip}
	}
	return &Target{Kind: trace.Outside, IP: ip}
}

// parseName reads a host name. The name of a service, with or without the cluster's domain, is the service.
func parseName(s *inspect.Snapshot, text, domain string) (*Target, error) {
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return nil, fmt.Errorf("target %q is neither an IP address nor a host name, pod/NAME, svc/NAME or node/NAME", text)
	}
	short := strings.TrimSuffix(name, "."+domain)
	if parts := strings.Split(short, "."); len(parts) == 3 && parts[2] == "svc" {
		return serviceTarget(s, parts[1], parts[0], domain, name)
	}
	return &Target{Kind: trace.HostName, Name: name}, nil
}

func findNode(s *inspect.Snapshot, name string) *inspect.Node {
	for i := range s.Nodes {
		if s.Nodes[i].Name == name {
			return &s.Nodes[i]
		}
	}
	return nil
}

func findService(s *inspect.Snapshot, namespace, name string) *inspect.Service {
	for i := range s.Services {
		if s.Services[i].Namespace == namespace && s.Services[i].Name == name {
			return &s.Services[i]
		}
	}
	return nil
}
