package redact

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico/selector"
)

// fieldRules has the rules for strings of the Snapshot, by TYPE.FIELD (see rule). Any other field is replaced by neutral
// text.
func (r *redactor) fieldRules() map[string]func(string) string {
	rules := map[string]func(string) string{
		"Snapshot.Tool": version, "Snapshot.Gathered": r.words(facts()), "Snapshot.Tables.key": r.nodes.of,
		"Missing.Fact": r.words(facts()), "Missing.Node": r.nodes.of, "Missing.Reason": always("the reason was redacted"),

		"Node.Name": r.nodes.of, "Node.Labels.key": r.labelKey, "Node.Labels": r.labelValue, "Node.Roles": r.roles.of,
		"Node.OS": r.words([]string{"linux", "windows"}), "Node.KernelVersion": version,
		"Node.ProviderID":       always(""), // names the account, the zone or the container
		"Node.ContainerRuntime": r.runtime, "Node.NotReady": message,

		"Pod.Namespace": r.namespaces.of, "Pod.Name": r.pods.of, "Pod.UID": r.uids.of, "Pod.Node": r.nodes.of,
		"Pod.Phase": r.words(phases()), "Pod.Labels.key": r.labelKey, "Pod.Labels": r.labelValue, "Pod.Containers": r.containers.of,
		"Pod.ServiceAccount": r.accounts.of,
		"Pod.Wants.key":      r.words(calico.PodRequests()), "Pod.Waiting": message, "Pod.LastExit": message,
		"ContainerPort.Name": r.port, "ContainerPort.Protocol": r.words(protocols()),

		"Service.Namespace": r.namespaces.of, "Service.Name": r.services.of, "Service.Type": r.words(serviceTypes()),
		"Service.Labels.key": r.labelKey, "Service.Labels": r.labelValue, "Service.Selector.key": r.labelKey,
		"Service.Selector": r.labelValue, "Service.IPFamilyPolicy": r.words(familyPolicies()), "Service.ExternalName": always("host.example"),
		"Service.InternalTrafficPolicy": r.words(trafficPolicies()), "Service.ExternalTrafficPolicy": r.words(trafficPolicies()),
		"Service.IngressNames": always("host.example"),
		"ServicePort.Name":     r.port, "ServicePort.Protocol": r.words(protocols()), "ServicePort.AppProtocol": r.words(appProtocols()),
		"ServicePort.TargetPort": numberOr(r.port),

		"EndpointSlice.Namespace": r.namespaces.of, "EndpointSlice.Name": r.slices.of, "EndpointSlice.Service": r.services.of,
		"EndpointPort.Name": r.port, "EndpointPort.Protocol": r.words(protocols()),
		"Endpoint.Node": r.nodes.of, "Endpoint.Pod": r.pods.of,

		"Lab.Name": always("lab"),

		"Calico.Version": version, "Calico.APIGroup": r.words(apiGroups()), "Calico.Felix.key": r.felixName,
		"FelixSettings.RouteSource": r.words(routeSources()), "FelixSettings.MTUIfacePattern": r.pattern,

		"IPPool.Name": r.pools.of, "IPPool.IPIPMode": r.words(encapModes()), "IPPool.VXLANMode": r.words(encapModes()),
		"IPPool.NodeSelector": r.selector, "IPPool.AllowedUses": r.words(allowedUses()), "IPPool.AssignmentMode": r.words(assignmentModes()),
		"IPAMBlock.Node": r.nodes.of, "IPAMBlock.Affinity": r.words([]string{"virtual:load-balancer"}),
		"Allocation.Node": r.nodes.of, "Allocation.Handle": r.handle, "Allocation.Type": r.words(allocationTypes()),
		"Allocation.Namespace": r.namespaces.of, "Allocation.Pod": r.pods.of,

		"NodeTable.Sysctls.key": r.sysctl, "NodeTable.Sysctls": numberOr(r.text),
		"Link.Name": r.device, "Link.Parent": r.device, "Link.Kind": r.words(linkKinds()),
		"LinkAddress.Link": r.device, "LinkAddress.Scope": numberOr(r.words(scopes())),
		"Route.Dev": r.device, "Route.Table": numberOr(r.words(routeTables())), "Route.Type": r.words(routeTypes()),
		"Route.Protocol": numberOr(r.words(routeProtocols())), "Route.Scope": numberOr(r.words(scopes())),
		"Rule.Table": numberOr(r.words(routeTables())), "Rule.Action": r.words(ruleActions()),
		"Neighbor.Dev": r.device, "Neighbor.State": r.words(neighborStates()),
		"FDBEntry.Dev": r.device,
	}
	maps.Copy(rules, r.installRules())
	maps.Copy(rules, r.policyRules())
	return rules
}

// installRules has the rules for what installers and administrators wrote: settings, policies, and what programs said.
func (r *redactor) installRules() map[string]func(string) string {
	return map[string]func(string) string{
		"FelixSettings.IptablesBackend": r.words(backends()), "FelixSettings.NFTablesMode": r.words(backends()),
		"FelixSettings.ProgramClusterRoutes": r.words(clusterRoutes()), "BGPSettings.ProgramClusterRoutes": r.words(clusterRoutes()),
		"FelixSettings.NATOutgoingAddress": r.addressText, "FelixSettings.NodeSelector": r.selector,

		"CalicoNode.Namespace": r.namespaces.of, "CalicoNode.Version": version, "CalicoNode.Env.key": variable, "CalicoNode.Env": r.value,
		"CNI.Source": r.words([]string{"kube-system/calico-config", "calico-system/cni-config", "kube-system/canal-config"}),
		"CNI.IPAM":   r.words([]string{"calico-ipam", "host-local"}), "CNI.Ranges": r.addressText,
		"Operator.CNI": r.words(operatorWords()), "Operator.IPAM": r.words(operatorWords()), "Operator.BGP": r.words(operatorWords()),
		"Operator.DataPlane": r.words(operatorWords()), "Operator.Autodetection": r.value,
		"OperatorPool.Name": r.pools.of, "OperatorPool.CIDR": r.addressText, "OperatorPool.Encapsulation": r.words(operatorWords()),
		"OperatorPool.NATOutgoing": r.words(operatorWords()), "OperatorPool.NodeSelector": r.selector,
		"OperatorPart.Name": r.words([]string{"calico", "apiserver", "ippools", "tiers"}), "OperatorPart.Degraded": message,

		"BGPSettings.Ports.key": r.nodes.of, "BGPPeer.Name": r.peers.of, "BGPPeer.Node": r.nodes.of, "BGPPeer.NodeSelector": r.selector,
		"BGPPeer.PeerSelector": r.selector, "BGPPeer.Filters": r.filters.of, "Snapshot.BIRD.key": r.nodes.of,
		"BIRD.Silent": message, "BIRD.Recovery": clock, "Session.Kind": r.words(sessionKinds()), "Session.State": r.words(sessionStates()),
		"Session.Since": clock, "Session.LastError": r.words(sessionErrors()),

		"KubeProxy.Mode": r.words(proxyModes()), "KubeProxy.NodePortCIDRs": r.addressText, "CoreDNS.Directives": r.directive,
		"NAT.KubeProxy": r.words(proxyModes()), "NAT.Felix": r.words(proxyModes()),
		"Event.Kind": r.words([]string{"Pod", "Node", "Service"}), "Event.Namespace": r.namespaces.of, "Event.Name": r.pods.of,
		"Event.Reason": r.words(eventReasons()), "Event.Message": message,
	}
}

// policyRules has the rules for network policies and what they refer to.
func (r *redactor) policyRules() map[string]func(string) string {
	return map[string]func(string) string{
		"Policy.Kind":      r.words(policyKinds()),
		"Policy.Namespace": r.namespaces.of, "Policy.Selector": r.policySelector, "Policy.Namespaces": r.policySelector,
		"Policy.ServiceAccounts": r.policySelector, "Policy.Tier": r.tiers.of,
		"PolicyRule.Action": r.words([]string{"Allow", "Deny", "Log", "Pass"}), "PolicyRule.Protocol": numberOr(r.words(policyProtocols())),
		"PolicyRule.NotProtocol": numberOr(r.words(policyProtocols())), "PolicyRule.Unread": r.words([]string{"http", "notICMP", "icmp.code", "nodes", "domainNames"}),
		"PolicyEnd.Selector": r.policySelector, "PolicyEnd.NotSelector": r.policySelector, "PolicyEnd.Namespaces": r.policySelector,
		"PolicyEnd.ServiceAccountSelector": r.policySelector, "PolicyEnd.ServiceAccounts": r.accounts.of, "PolicyEnd.Service": r.servicePath,
		"PolicyPort.Name": r.port, "PolicyTier.Name": r.tiers.of,
		"Namespace.Name": r.namespaces.of, "Namespace.Labels.key": r.labelKey, "Namespace.Labels": r.labelValue,
		"NetworkSet.Namespace": r.namespaces.of, "NetworkSet.Labels.key": r.labelKey, "NetworkSet.Labels": r.labelValue,
	}
}

// words keeps the words of a list, and replaces others.
func (r *redactor) words(keep []string) func(string) string {
	return func(s string) string {
		if slices.Contains(keep, s) {
			return s
		}
		return r.text(s)
	}
}

// numberOr keeps numbers, and replaces others by f.
func numberOr(f func(string) string) func(string) string {
	return func(s string) string {
		if digits := strings.TrimPrefix(s, "-"); digits != "" && len(digits) <= 10 && strings.Trim(digits, "0123456789") == "" {
			return s
		}
		return f(s)
	}
}

// always replaces any text by the same one.
func always(text string) func(string) string {
	return func(s string) string {
		if s == "" {
			return ""
		}
		return text
	}
}

// version keeps the numbers that a version begins with: v3.28.5 of "v3.28.5-acme", 6.8.0 of "6.8.0-45-generic".
func version(s string) string {
	end := strings.IndexFunc(s, func(c rune) bool { return c != 'v' && c != '.' && (c < '0' || c > '9') })
	if end >= 0 && s != "(devel)" {
		s = strings.TrimRight(s[:end], "v.")
	}
	return s
}

// rolePrefix begins the labels that name a node's roles.
const rolePrefix = "node-role.kubernetes.io/"

func (r *redactor) labelKey(key string) string {
	if role, ok := strings.CutPrefix(key, rolePrefix); ok {
		return rolePrefix + r.roles.of(role)
	}
	return r.keys.of(key)
}

// labelValue replaces the value of a label. A node's name, as in kubernetes.io/hostname, becomes that node's new name.
func (r *redactor) labelValue(value string) string {
	if r.nodes.seen[value] {
		return r.nodes.of(value)
	}
	return r.values.of(value)
}

// port replaces the name of a port. A mention of HTTP stays, since a trace uses it.
func (r *redactor) port(name string) string {
	replaced := r.ports.of(name)
	for _, scheme := range []string{"https", "http"} {
		if strings.HasPrefix(name, scheme) && replaced != name {
			return scheme + "-" + replaced
		}
	}
	return replaced
}

// handle replaces the handle of an address. The handle of a tunnel's address ends in the name of the node
// (node/pkg/allocateip).
func (r *redactor) handle(handle string) string {
	for _, prefix := range tunnelHandles() {
		if node, ok := strings.CutPrefix(handle, prefix); ok {
			return prefix + r.nodes.of(node)
		}
	}
	return r.handles.of(handle)
}

// felixName replaces the name of a FelixConfiguration. Felix reads the one for all nodes and the one for its node.
func (r *redactor) felixName(name string) string {
	const all, ofNode = "default", "node."
	if node, ok := strings.CutPrefix(name, ofNode); ok {
		return ofNode + r.nodes.of(node)
	}
	return r.words([]string{all})(name)
}

// selector replaces the labels and values of a selector. An invalid one stays invalid.
func (r *redactor) selector(text string) string {
	tokens, err := selector.Tokens(text)
	if err != nil {
		return "a selector that cannot be read"
	}
	var out strings.Builder
	for _, t := range tokens {
		switch {
		case t.Quote != 0:
			t.Text = r.labelValue(t.Text)
		case t.IsLabel, !t.IsFixed():
			t.Text = r.labelKey(t.Text)
		}
		out.WriteString(t.String())
	}
	return out.String()
}

// message replaces what a program said: it may name anything.
func message(s string) string { return always("the message was redacted")(s) }

// clock keeps the digits of a time, a date, or two numbers.
func clock(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || strings.ContainsRune(":-/. ", c) {
			return c
		}
		return -1
	}, s)
}

// runtime keeps the kind and version of a container runtime.
func (r *redactor) runtime(s string) string {
	kind, number, ok := strings.Cut(s, "://")
	if !ok {
		return r.text(s)
	}
	return r.words([]string{"containerd", "docker", "cri-o"})(kind) + "://" + version(number)
}

// variable keeps the names of calico-node's variables, which are part of its documentation.
func variable(name string) string {
	if strings.HasPrefix(name, "CALICO_") || strings.HasPrefix(name, "IP") {
		return strings.Map(func(c rune) rune {
			if c == '_' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
				return c
			}
			return -1
		}, name)
	}
	return "CALICO_"
}

// value replaces the value of a variable of calico-node, but for fixed words: METHOD=ARGUMENT.
func (r *redactor) value(s string) string {
	method, argument, ok := strings.Cut(s, "=")
	if !ok || slices.Contains(valueWords(), s) {
		return numberOr(r.addressText)(s)
	}
	return r.words(valueWords())(method) + "=" + r.addressText(argument)
}

// addressText replaces the addresses and ranges of a list, and anything else.
func (r *redactor) addressText(s string) string {
	parts := strings.Split(s, ",")
	for i, part := range parts {
		part = strings.TrimSpace(part)
		prefix, err := netip.ParsePrefix(part)
		addr, addrErr := netip.ParseAddr(part)
		switch {
		case err == nil:
			parts[i] = r.addrs.network(prefix).String()
		case addrErr == nil:
			parts[i] = r.addrs.addr(addr).String()
		case part == "usePodCidr", part == "usePodCidrIPv6", part == "primary", slices.Contains(valueWords(), part):
			parts[i] = part
		default:
			parts[i] = r.text(part)
		}
	}
	return strings.Join(parts, ",")
}

// policySelector replaces the labels and values of a policy's selector, in Kubernetes' or Calico's syntax.
func (r *redactor) policySelector(text string) string {
	if _, err := selector.Tokens(text); err == nil {
		return r.selector(text)
	}
	return r.text(text)
}

// servicePath replaces the parts of NAMESPACE/NAME.
func (r *redactor) servicePath(path string) string {
	namespace, name, ok := strings.Cut(path, "/")
	if !ok {
		return r.text(path)
	}
	return r.namespaces.of(namespace) + "/" + r.services.of(name)
}

// directive keeps the plugin of a line of the Corefile, and of its arguments the words that say what happens to AAAA.
func (r *redactor) directive(line string) string {
	words := strings.Fields(line)
	for i, word := range words {
		if !slices.Contains(corefileWords(), word) {
			words[i] = r.text(word)
		}
	}
	return strings.Join(words, " ")
}
