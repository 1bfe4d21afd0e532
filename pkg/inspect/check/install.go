package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The codes of section calico that are about how Calico was installed and told to work.
const (
	AutodetectionOff    inspect.Code = "DS310"
	CNIOneFamily        inspect.Code = "DS311"
	VersionSkew         inspect.Code = "DS312"
	FelixWithoutRules   inspect.Code = "DS313"
	EBPFOneFamily       inspect.Code = "DS314"
	WireGuardOneFamily  inspect.Code = "DS315"
	WireGuardNoAddress  inspect.Code = "DS316"
	OperatorPoolMissing inspect.Code = "DS317"
	OperatorDegraded    inspect.Code = "DS318"
	NATAddressOneFamily inspect.Code = "DS319"
	PoolVariables       inspect.Code = "DS320"
)

func installRules() []Rule {
	return slices.Concat(settingRules(), dataPlaneRules(), operatorRules(), leftoverRules())
}

// settingRules ask whether Calico was told to use the family.
func settingRules() []Rule {
	return []Rule{
		{
			Code: AutodetectionOff, Section: Calico, Severity: inspect.SeverityError, Needs: nodeFacts(inspect.FactCalicoNode),
			Title:   "calico-node is told not to look for addresses of a family",
			Why:     "IP and IP6 say whether calico-node finds the node's address (autodetect), or has none. A method in IP6_AUTODETECTION_METHOD does nothing unless IP6 is autodetect, and Calico's manifests for IPv4 leave IP6 out.",
			Mend:    "kubectl -n NAMESPACE set env daemonset/calico-node IP6=autodetect; operator: nodeAddressAutodetectionV6 of the Installation",
			Reports: []string{"projectcalico/calico#1654"},
			Find:    autodetectionOff,
		},
		{
			Code: CNIOneFamily, Section: Calico, Severity: inspect.SeverityError, Needs: nodeFacts(inspect.FactCNI),
			Title:   "the CNI configuration does not ask for addresses of a family that has a pool",
			Why:     "calico-ipam gives a pod an IPv6 address only with assign_ipv6: true, and an IPv4 address unless assign_ipv4 is false. host-local gives one for each of its ranges.",
			Mend:    "set assign_ipv4 and assign_ipv6 to true in the ConfigMap, restart calico-node so that it writes the file, and create the pods again",
			Reports: []string{"projectcalico/calico#2876", "projectcalico/cni-plugin#598"},
			Find:    cniOneFamily,
		},
		{
			Code: VersionSkew, Section: Calico, Severity: inspect.SeverityWarning,
			Needs: []inspect.Fact{inspect.FactVersion, inspect.FactCalicoNode},
			Title: "calico-node runs another version than the cluster records",
			Why:   "an upgrade was begun and not finished: calico-node writes its version to ClusterInformation when it starts.",
			Mend:  "kubectl -n NAMESPACE rollout status daemonset/calico-node; apply the whole manifest, with the CRDs, of one version",
			Find:  versionSkew,
		},
	}
}

// operatorRules ask whether the cluster is as the Tigera operator was told.
func operatorRules() []Rule {
	return []Rule{
		{
			Code: OperatorPoolMissing, Section: Calico, Severity: inspect.SeverityError,
			Needs:   []inspect.Fact{inspect.FactPools, inspect.FactOperator},
			Title:   "the operator's Installation lists a pool that does not exist",
			Why:     "the operator compares ranges as text. A range that is not in its shortest form (2001:db8:42:0::/56) never matches the pool created from it, so the operator deletes and creates that pool again and again. Or the pool was deleted, or the operator cannot create it.",
			Mend:    "write the range in its shortest form in spec.calicoNetwork.ipPools of the Installation; see kubectl get tigerastatus",
			Reports: []string{"tigera/operator#3494"},
			Find:    operatorPoolsMissing,
		},
		{
			Code: OperatorDegraded, Section: Calico, Severity: inspect.SeverityWarning, Needs: []inspect.Fact{inspect.FactOperator},
			Follows: []inspect.Code{OperatorPoolMissing, CalicoNodeDown},
			Title:   "the operator reports a part as degraded",
			Why:     "the operator could not do what the Installation asks for, and says why.",
			Mend:    "kubectl describe tigerastatus NAME",
			Find:    operatorDegraded,
		},
	}
}

// leftoverRules ask for settings that cannot work, or no longer do.
func leftoverRules() []Rule {
	return []Rule{
		{
			Code: NATAddressOneFamily, Section: Calico, Severity: inspect.SeverityError, Needs: nodeFacts(inspect.FactFelix),
			Title:   "natOutgoingAddress is of one family, and the pools of the other are translated too",
			Why:     "Felix writes the address into the rules of both families; those of the other are refused (\"Bad IP address\"), and with them the whole table.",
			Mend:    "take natOutgoingAddress out of the FelixConfiguration, or set natOutgoing to false on the pools of the other family",
			Reports: []string{"projectcalico/calico#3275"},
			Find:    natAddressOneFamily,
		},
		{
			Code: PoolVariables, Section: Calico, Severity: inspect.SeverityInfo, Needs: nodeFacts(inspect.FactCalicoNode),
			Title: "calico-node's variables name a pool that does not exist",
			Why:   "CALICO_IPV4POOL_… and CALICO_IPV6POOL_… matter only when Calico starts for the first time, and no pool of the family exists. Later changes have no effect.",
			Mend:  "change or create the IPPool itself, and take the variables out of the DaemonSet",
			Find:  poolVariables,
		},
	}
}

func autodetectionOff(c *Cluster) []inspect.Finding {
	env := c.Calico.Node.Env
	if len(env) == 0 || !c.runsOnNodes() {
		return nil
	}
	var found []inspect.Finding
	for _, f := range inspect.Families() {
		name := map[inspect.Family]string{inspect.IPv4: "IP", inspect.IPv6: "IP6"}[f]
		value, set := env[name]
		// IPv4 is looked for unless IP says otherwise; IPv6 is not (node/pkg/lifecycle/startup).
		off := value == "none" || f == inspect.IPv6 && value == ""
		if !off || !c.hasPool(f) {
			continue
		}
		finding := inspect.Finding{Subject: "daemonset " + c.Calico.Node.Namespace + "/" + calico.NodeName, Family: f,
			Summary: fmt.Sprintf("calico-node does not look for %s addresses: %s is %s", f, name, orUnset(value)),
			Mend:    fmt.Sprintf("kubectl -n %s set env daemonset/%s %s=autodetect", c.Calico.Node.Namespace, calico.NodeName, name)}
		if c.Calico.Operator != nil {
			finding.Mend = "set spec.calicoNetwork.nodeAddressAutodetectionV" + f.String()[3:] + " of the Installation, such as {kubernetes: NodeInternalIP}"
		}
		if method := env[name+"_AUTODETECTION_METHOD"]; method != "" {
			finding.Evidence = append(finding.Evidence, fmt.Sprintf("%s_AUTODETECTION_METHOD is %s, which has no effect then", name, method))
		}
		if !set {
			finding.Evidence = append(finding.Evidence, "the DaemonSet has no variable "+name)
		}
		found = append(found, finding)
	}
	return found
}

func cniOneFamily(c *Cluster) []inspect.Finding {
	cni := c.Calico.CNI
	var found []inspect.Finding
	for _, f := range inspect.Families() {
		if !slices.ContainsFunc(c.Pools, func(p inspect.IPPool) bool { return p.Family() == f && forPods(&p) }) {
			continue
		}
		assign, key := cni.AssignIPv4 == nil || *cni.AssignIPv4, "assign_ipv4"
		if f == inspect.IPv6 {
			assign, key = cni.AssignIPv6 != nil && *cni.AssignIPv6, "assign_ipv6"
		}
		if cni.IPAM == "calico-ipam" && !assign {
			found = append(found, inspect.Finding{Subject: "configmap " + cni.Source, Family: f,
				Summary:  fmt.Sprintf("the CNI configuration does not ask for %s addresses (%s), and there is an %s pool", f, key, f),
				Evidence: []string{fmt.Sprintf("ConfigMap %s does not have %s: true", cni.Source, key)}})
		}
	}
	return found
}

func versionSkew(c *Cluster) []inspect.Finding {
	recorded, err := version.ParseGeneric(c.Calico.Version)
	running, runErr := version.ParseGeneric(c.Calico.Node.Version)
	if err != nil || runErr != nil || recorded.EqualTo(running) {
		return nil
	}
	return []inspect.Finding{{Subject: "daemonset " + c.Calico.Node.Namespace + "/" + calico.NodeName,
		Summary: fmt.Sprintf("the DaemonSet calico-node is of version %s, and ClusterInformation says %s", c.Calico.Node.Version, c.Calico.Version)}}
}

func operatorPoolsMissing(c *Cluster) []inspect.Finding {
	if c.Calico.Operator == nil {
		return nil
	}
	var found []inspect.Finding
	for _, p := range c.Calico.Operator.Pools {
		prefix := p.Prefix()
		var made *inspect.IPPool
		for i := range c.Pools {
			if c.Pools[i].CIDR == prefix {
				made = &c.Pools[i]
			}
		}
		finding := inspect.Finding{Subject: "installation default", Family: inspect.FamilyOf(prefix.Addr())}
		switch {
		case !prefix.IsValid():
			finding.Summary = fmt.Sprintf("the Installation lists the pool %q, which is no range", p.CIDR)
		case made == nil:
			finding.Summary = fmt.Sprintf("the Installation lists the pool %s, and no IPPool has that range", p.CIDR)
		case p.CIDR != prefix.String():
			finding.Severity = inspect.SeverityWarning
			finding.Summary = fmt.Sprintf("the Installation lists the pool %s, whose IPPool %s is %s", p.CIDR, made.Name, prefix)
		default:
			continue
		}
		if prefix.IsValid() && p.CIDR != prefix.String() {
			finding.Evidence = []string{fmt.Sprintf("the range in its shortest form is %s", prefix)}
			finding.Mend = fmt.Sprintf("write %s instead of %s in spec.calicoNetwork.ipPools of the Installation", prefix, p.CIDR)
		}
		found = append(found, finding)
	}
	return found
}

func operatorDegraded(c *Cluster) []inspect.Finding {
	if c.Calico.Operator == nil {
		return nil
	}
	var found []inspect.Finding
	for _, part := range c.Calico.Operator.Parts {
		if part.Degraded != "" {
			found = append(found, inspect.Finding{Subject: "tigerastatus " + part.Name, Evidence: []string{part.Degraded},
				Summary: "the operator reports " + part.Name + " as degraded", Command: "kubectl describe tigerastatus " + part.Name})
		}
	}
	return found
}

func natAddressOneFamily(c *Cluster) []inspect.Finding {
	text := c.Calico.FelixEnv.NATOutgoingAddress
	if text == "" {
		text = c.Calico.Felix["default"].NATOutgoingAddress
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return nil
	}
	other := inspect.FamilyOf(a).Other()
	for i := range c.Pools {
		if p := &c.Pools[i]; p.Family() == other && p.NATOutgoing && !p.Disabled {
			return []inspect.Finding{{Subject: "felixconfiguration default", Family: other,
				Summary:  fmt.Sprintf("natOutgoingAddress is %s, and the %s pool %s is translated too", a, other, p.Name),
				Evidence: []string{"Felix writes the address into the rules of both families"}}}
		}
	}
	return nil
}

func poolVariables(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for _, f := range inspect.Families() {
		name := fmt.Sprintf("CALICO_%sPOOL_CIDR", strings.ToUpper(f.String()))
		prefix, err := netip.ParsePrefix(c.Calico.Node.Env[name])
		if err != nil || slices.ContainsFunc(c.Pools, func(p inspect.IPPool) bool { return p.CIDR.Overlaps(prefix) }) {
			continue
		}
		found = append(found, inspect.Finding{Subject: "daemonset " + c.Calico.Node.Namespace + "/" + calico.NodeName, Family: f,
			Summary: fmt.Sprintf("%s is %s, and no pool is in that range", name, prefix)})
	}
	return found
}
