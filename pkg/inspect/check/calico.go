package check

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// The codes of section calico.
const (
	IPv6SupportOff     inspect.Code = "DS301"
	NodeLacksAddress   inspect.Code = "DS302"
	AddressNotHeld     inspect.Code = "DS303"
	AddressNotAHosts   inspect.Code = "DS304"
	AddressTwice       inspect.Code = "DS305"
	AddressOfTunnel    inspect.Code = "DS306"
	NodeLacksTunnelIP  inspect.Code = "DS307"
	AddressNotInternal inspect.Code = "DS308"
	CalicoNodeDown     inspect.Code = "DS309"
)

func calicoRules() []Rule {
	return slices.Concat(nodeRules(), addressRules(), placeRules(), installRules())
}

// nodeFacts are what the rules about Calico's addresses of nodes go by: pools and services say which families are meant.
func nodeFacts(more ...inspect.Fact) []inspect.Fact {
	return append([]inspect.Fact{inspect.FactNodes, inspect.FactPools, inspect.FactServices}, more...)
}

// nodeRules ask whether Calico has what it needs on a node at all.
func nodeRules() []Rule {
	return []Rule{
		{
			Code: IPv6SupportOff, Section: Calico, Severity: inspect.SeverityError,
			Needs:   []inspect.Fact{inspect.FactFelix, inspect.FactPools, inspect.FactServices, inspect.FactNodes},
			Title:   "IPv6 support is off in Felix",
			Why:     "FELIX_IPV6SUPPORT=false, or ipv6Support: false in a FelixConfiguration: Felix programs nothing for IPv6, neither routes nor policies. Calico's manifests for IPv4 set it.",
			Mend:    "kubectl -n NAMESPACE set env daemonset/calico-node FELIX_IPV6SUPPORT=true, or remove ipv6Support from the FelixConfiguration",
			Reports: []string{"projectcalico/calico#3133", "projectcalico/calico#3448"},
			Find:    ipv6SupportOff,
		},
		{
			Code: NodeLacksAddress, Section: Calico, Severity: inspect.SeverityError, Needs: nodeFacts(),
			Follows: []inspect.Code{NodeLacksInternalIP, IPv6Disabled, AutodetectionOff},
			Title:   "Calico has no address of a family for a node",
			Why:     "calico-node detects the address when it starts: IP and IP6 say whether (autodetect), IP_AUTODETECTION_METHOD and IP6_AUTODETECTION_METHOD how. IP6_AUTODETECTION_METHOD without IP6=autodetect does nothing.",
			Mend:    "set IP6=autodetect (operator: nodeAddressAutodetectionV6), and read in calico-node's log what it detected",
			Reports: []string{"projectcalico/calico#1654"},
			Find:    nodesWithoutAddress,
		},
	}
}

// addressRules ask whether the address that Calico has for a node can be the node's.
func addressRules() []Rule {
	return []Rule{
		{
			Code: AddressNotHeld, Section: Calico, Severity: inspect.SeverityError, Needs: nodeFacts(inspect.FactTables),
			Follows: []inspect.Code{IPv6Disabled, AddressNotAHosts, AddressTwice, AddressOfTunnel},
			Title:   "no interface of a node holds the address that Calico has for it",
			Why:     "calico-node detected the address when it started. Since then the provider has changed the prefix, or an interface was replaced.",
			Mend:    "give the address back to the interface, or restart calico-node on the node to detect it again",
			Reports: []string{"canonical/microk8s#4209"},
			Find:    addressesNotHeld,
		},
		{
			Code: AddressNotAHosts, Section: Calico, Severity: inspect.SeverityError, Needs: nodeFacts(),
			Title:   "the address that Calico has for a node cannot be a host's",
			Why:     "the host part was lost, so all nodes have the same network address. Multicast, loopback and link-local addresses cannot be a node's either.",
			Mend:    "kubectl annotate node NODE projectcalico.org/IPv6Address- , correct the autodetection, restart calico-node",
			Reports: []string{"projectcalico/calico#6142"},
			Find:    addressesNotAHosts,
		},
		{
			Code: AddressTwice, Section: Calico, Severity: inspect.SeverityError, Needs: nodeFacts(),
			Follows: []inspect.Code{AddressNotAHosts},
			Title:   "Calico has the same address for two nodes",
			Why:     "nodes were cloned, autodetection took an address that moves between nodes (a virtual IP), or the host part was lost.",
			Mend:    "give autodetection the right address or interface (IP6_AUTODETECTION_METHOD=interface=… or cidr=…), restart calico-node on both",
			Reports: []string{"projectcalico/calico#6142", "projectcalico/calico#8381"},
			Find:    addressesTwice,
		},
		{
			Code: AddressOfTunnel, Section: Calico, Severity: inspect.SeverityError, Needs: nodeFacts(),
			Title: "the address that Calico has for a node belongs to Calico's own tunnel device",
			Why:   "autodetection by first-found or can-reach took Calico's own device. Packets to that address would need the tunnel that is built on it.",
			Mend:  "skip these devices: IP6_AUTODETECTION_METHOD=skip-interface=.*calico.*,.*cali.* or interface=NAME; restart calico-node",
			Find:  addressesOfTunnels,
		},
	}
}

// placeRules ask whether a node takes part in tunnels, and whether Felix runs there.
func placeRules() []Rule {
	return []Rule{
		{
			Code: NodeLacksTunnelIP, Section: Calico, Severity: inspect.SeverityError, Needs: nodeFacts(),
			Follows: []inspect.Code{NodeLacksAddress, IPv6SupportOff},
			Title:   "a node that has blocks of a VXLAN pool has no tunnel address",
			Why:     "calico-node allocates the address when it starts, if an enabled VXLAN pool selects the node. The pool was full or created later, or the allocation was lost.",
			Mend:    "restart calico-node on the node",
			Reports: []string{"projectcalico/calico#10817"},
			Find:    nodesWithoutTunnelIP,
		},
		{
			Code: AddressNotInternal, Section: Calico, Severity: inspect.SeverityInfo, Needs: nodeFacts(),
			Follows: []inspect.Code{AddressNotAHosts, AddressTwice, AddressOfTunnel, AddressNotHeld},
			Title:   "Calico's address of a node is not among its InternalIPs",
			Why:     "kubelet and Calico chose different interfaces or addresses. That works if both can be reached, but not where a firewall knows only one of them.",
			Mend:    "to use kubelet's: IP_AUTODETECTION_METHOD and IP6_AUTODETECTION_METHOD=kubernetes-internal-ip",
			Find:    addressesNotInternal,
		},
		{
			Code: CalicoNodeDown, Section: Calico, Severity: inspect.SeverityError, Needs: nodeFacts(inspect.FactPods),
			Follows: []inspect.Code{NodeNotReady},
			Title:   "calico-node does not run on a node, or is not ready",
			Why:     "without Felix, the node's routes and policies are not programmed; until calico-node has started, Calico has no address for the node. Usual reasons: an image that cannot be pulled, a taint, a nodeSelector, a crash at start.",
			Mend:    "kubectl -n NAMESPACE describe pod POD; read its log",
			Reports: []string{"projectcalico/calico#8433", "projectcalico/felix#2360"},
			Find:    calicoNodesDown,
		},
	}
}

func ipv6SupportOff(c *Cluster) []inspect.Finding {
	if !c.Uses(inspect.IPv6) {
		return nil
	}
	off := func(where, mend string, s inspect.FelixSettings, node string) []inspect.Finding {
		if s.IPv6Support == nil || *s.IPv6Support {
			return nil
		}
		return []inspect.Finding{{Subject: where, Node: node, Family: inspect.IPv6, Mend: mend,
			Summary:  "IPv6 support is off in Felix (" + where + ")",
			Evidence: []string{where + " says false", "pools or services of the cluster are IPv6"}}}
	}
	env := c.Calico.FelixEnv
	if found := off("FELIX_IPV6SUPPORT of calico-node", "set FELIX_IPV6SUPPORT=true in the DaemonSet calico-node", env, ""); found != nil {
		return found
	}
	if env.IPv6Support != nil {
		return nil // the environment wins over the objects
	}
	in := func(object, node string) []inspect.Finding {
		return off("ipv6Support of FelixConfiguration "+object,
			fmt.Sprintf(`kubectl patch felixconfiguration %s --type=merge -p '{"spec":{"ipv6Support":true}}'`, object), c.Calico.Felix[object], node)
	}
	found := in("default", "") // also if some nodes have it on: the others still lack it
	for _, n := range c.Nodes {
		own := felix.Configurations(c.Snapshot, n.Name)
		for _, object := range own[:len(own)-1] {
			if c.Calico.Felix[object].IPv6Support != nil {
				found = append(found, in(object, n.Name)...)
				break
			}
		}
	}
	return found
}

func nodesWithoutAddress(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	if !c.runsOnNodes() {
		return nil
	}
	c.each(func(n *inspect.Node, f inspect.Family) {
		if !n.Address.Get(f).IsValid() && c.hasPool(f) {
			found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
				Summary:  fmt.Sprintf("Calico has no %s address for node %s", f, n.Name),
				Evidence: []string{fmt.Sprintf("annotation projectcalico.org/%sAddress is absent; the node's InternalIPs are %s", f, list(n.InternalIPs))}})
		}
	})
	return found
}

// runsOnNodes reports whether calico-node writes its addresses to the nodes' annotations at all. Where no node has one of
// any family, Calico runs without BGP and VXLAN (policy only), or not yet.
func (c *Cluster) runsOnNodes() bool {
	for _, n := range c.Nodes {
		if n.Address.V4.IsValid() || n.Address.V6.IsValid() {
			return true
		}
	}
	return false
}

func (c *Cluster) hasPool(f inspect.Family) bool {
	for _, p := range c.Pools {
		if p.Family() == f {
			return true
		}
	}
	return false
}

func addressesNotHeld(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		a, t := n.Address.Get(f), c.table(n.Name)
		if !a.IsValid() || t == nil || held(t, a.Addr()) != nil {
			return
		}
		evidence := fmt.Sprintf("annotation projectcalico.org/%sAddress is %s", f, a)
		has := "its interfaces hold none"
		if addresses := global(t, f); len(addresses) > 0 {
			has = fmt.Sprintf("its interface %s holds %s", addresses[0].Link, addresses[0].Prefix)
		}
		found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
			Summary:  fmt.Sprintf("no interface of node %s holds the address %s that Calico has for it", n.Name, a.Addr()),
			Evidence: []string{evidence, has}})
	})
	return found
}

func addressesNotAHosts(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		a := n.Address.Get(f)
		if !a.IsValid() {
			return
		}
		what := ""
		switch ip := a.Addr(); {
		case ip.IsLoopback(), ip.IsMulticast(), ip.IsUnspecified(), ip.IsLinkLocalUnicast():
			what = "not a global address"
		case !a.IsSingleIP() && a.Bits() < f.Bits()-1 && a.Masked().Addr() == ip:
			what = "the address of the network " + a.Masked().String()
		default:
			return
		}
		found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
			Summary:  fmt.Sprintf("the %s address %s that Calico has for node %s is %s", f, a, n.Name, what),
			Evidence: []string{fmt.Sprintf("annotation projectcalico.org/%sAddress is %s; the node's InternalIPs are %s", f, a, list(n.InternalIPs))},
			Mend:     fmt.Sprintf("kubectl annotate node %s projectcalico.org/%sAddress- , correct the autodetection, restart calico-node there", n.Name, f)})
	})
	return found
}

func addressesTwice(c *Cluster) []inspect.Finding {
	first := map[netip.Addr]string{}
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		a := n.Address.Get(f).Addr()
		if !a.IsValid() {
			return
		}
		if other, ok := first[a]; ok {
			found = append(found, inspect.Finding{Subject: "node " + n.Name, About: []string{inspect.NodeSubject(other)}, Node: n.Name, RemoteNode: other, Family: f,
				Summary: fmt.Sprintf("Calico has the same %s address %s for nodes %s and %s", f, a, other, n.Name)})
			return
		}
		first[a] = n.Name
	})
	return found
}

func addressesOfTunnels(c *Cluster) []inspect.Finding {
	tunnels := map[netip.Addr]string{}
	for _, n := range c.Nodes {
		for _, f := range inspect.Families() {
			if a := n.Tunnel.Get(f); a.IsValid() {
				tunnels[a] = n.Name
			}
		}
	}
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		a := n.Address.Get(f).Addr()
		device := ""
		if t := c.table(n.Name); t != nil && a.IsValid() {
			if h := held(t, a); h != nil && calico.IsTunnelDevice(h.Link) {
				device = h.Link
			}
		}
		if owner, ok := tunnels[a]; ok || device != "" {
			evidence := "device " + device + " of the node holds it"
			if device == "" {
				evidence = "it is the tunnel address of node " + owner
			}
			found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f, Evidence: []string{evidence},
				Summary: fmt.Sprintf("the %s address %s that Calico has for node %s is a tunnel address of Calico's own", f, a, n.Name)})
		}
	})
	return found
}

func nodesWithoutTunnelIP(c *Cluster) []inspect.Finding {
	blocks := map[string]inspect.ByFamily[string]{}
	for _, b := range c.Blocks {
		pool := inspect.PoolOf(c.Pools, b.CIDR.Addr())
		if pool == nil || b.Node == "" || pool.VXLANMode != inspect.EncapAlways && pool.VXLANMode != inspect.EncapCrossSubnet || pool.Disabled {
			continue
		}
		of := blocks[b.Node]
		of.Set(b.Family(), pool.Name)
		blocks[b.Node] = of
	}
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		of := blocks[n.Name]
		if pool := of.Get(f); pool != "" && !n.Tunnel.Get(f).IsValid() {
			found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
				Summary:  fmt.Sprintf("node %s has blocks of VXLAN pool %s and no %s tunnel address", n.Name, pool, f),
				Evidence: []string{fmt.Sprintf("annotation projectcalico.org/%sVXLANTunnelAddr is absent", f)}})
		}
	})
	return found
}

func addressesNotInternal(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		a, internal := n.Address.Get(f), internal(n, f)
		if !a.IsValid() || len(internal) == 0 {
			return
		}
		for _, ip := range internal {
			if ip == a.Addr() {
				return
			}
		}
		found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
			Summary: fmt.Sprintf("Calico's %s address %s of node %s is not its InternalIP %s", f, a.Addr(), n.Name, list(internal))})
	})
	return found
}

// daemons returns the pods of a system DaemonSet by node: those with its label, of the host's network, in the first of its
// namespaces that has any. A tenant may own the others.
func (c *Cluster) daemons(app string, namespaces ...string) map[string]*inspect.Pod {
	for _, namespace := range namespaces {
		pods := map[string]*inspect.Pod{}
		for i := range c.Pods {
			p := &c.Pods[i]
			if p.Labels["k8s-app"] == app && p.HostNetwork && p.Namespace == namespace && (pods[p.Node] == nil || p.Ready) {
				pods[p.Node] = p
			}
		}
		if len(pods) > 0 {
			return pods
		}
	}
	return nil
}

// down finds the nodes on which a DaemonSet has no ready pod. Where it has none at all, it is not installed.
func (c *Cluster) down(app string, namespaces ...string) []inspect.Finding {
	pods := c.daemons(app, namespaces...)
	namespace := ""
	for _, p := range pods {
		namespace = p.Namespace
	}
	var found []inspect.Finding
	for _, n := range c.Nodes {
		p := pods[n.Name]
		if n.OS == "windows" || len(pods) == 0 || p != nil && p.Ready {
			continue
		}
		f := inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Summary: app + " does not run on node " + n.Name,
			Evidence: []string{fmt.Sprintf("the node has no pod of DaemonSet %s/%s; %s", namespace, app, inspect.Quantity(len(pods), "other node has one", "other nodes have one"))},
			Command:  fmt.Sprintf("kubectl -n %s describe daemonset %s", namespace, app),
			Mend:     "the DaemonSet's nodeSelector, affinity and tolerations must admit the node, and the node must have room for the pod"}
		if p != nil {
			f.Mend = "" // the rule's
			f.Subject, f.About = inspect.PodSubject(p.Namespace, p.Name), []string{inspect.NodeSubject(n.Name)}
			f.Summary = fmt.Sprintf("%s is not ready on node %s (pod %s/%s, %s)", app, n.Name, p.Namespace, p.Name, p.Phase)
			f.Command = fmt.Sprintf("kubectl -n %s describe pod %s", p.Namespace, p.Name)
			f.Evidence = c.unready(p)
		}
		found = append(found, f)
	}
	return found
}

// unready returns what is known of why a pod is not ready.
func (c *Cluster) unready(p *inspect.Pod) []string {
	var reasons []string
	if p.Waiting != "" {
		reasons = append(reasons, "a container waits: "+p.Waiting)
	}
	if p.Restarts > 0 && p.LastExit != "" {
		reasons = append(reasons, fmt.Sprintf("%d restarts; the last exit: %s", p.Restarts, p.LastExit))
	}
	for _, e := range c.warnings("Pod", p.Namespace, p.Name) {
		if e.Message != "" {
			reasons = append(reasons, e.Reason+": "+e.Message)
		}
	}
	return reasons
}

func calicoNodesDown(c *Cluster) []inspect.Finding {
	return c.down(calico.NodeName, calico.NodeNamespaces()...)
}
