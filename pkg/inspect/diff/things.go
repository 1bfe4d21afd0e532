package diff

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// thing is an object, or an entry of a node's table, as it is compared.
type thing struct {
	kind, subject, node string
	fields              map[string]string
	// shown names the fields that are worth showing for a thing that was added or is gone.
	shown []string
}

// part is a kind of things, with the fact that has them.
type part struct {
	fact   inspect.Fact
	things func(*inspect.Snapshot) []thing
}

// parts are in the order of the inspectors.
func parts() []part {
	return []part{
		{inspect.FactVersion, func(s *inspect.Snapshot) []thing {
			return []thing{{kind: "calico", subject: "version", fields: map[string]string{"version": s.Calico.Version}}}
		}},
		{inspect.FactFelix, felix},
		{inspect.FactBGP, func(s *inspect.Snapshot) []thing {
			return []thing{{kind: "calico", subject: "BGPConfiguration", fields: fieldsOf(s.Calico.BGP)}}
		}},
		{inspect.FactKubeProxy, func(s *inspect.Snapshot) []thing {
			return []thing{{kind: "kube-proxy", subject: "configuration", fields: fieldsOf(s.KubeProxy)}}
		}},
		{inspect.FactNodes, nodes},
		{inspect.FactPods, pods},
		{inspect.FactServices, services},
		{inspect.FactEndpointSlices, endpoints},
		{inspect.FactPools, pools},
		{inspect.FactBlocks, blocks},
		{inspect.FactPolicies, policies},
		{inspect.FactBGPPeers, peers},
		{inspect.FactTables, tables},
	}
}

func felix(s *inspect.Snapshot) []thing {
	all := []thing{{kind: "calico", subject: "environment of calico-node", fields: fieldsOf(s.Calico.FelixEnv)}}
	for name, settings := range s.Calico.Felix {
		all = append(all, thing{kind: "calico", subject: "FelixConfiguration " + name, fields: fieldsOf(settings, "created")})
	}
	return all
}

func nodes(s *inspect.Snapshot) []thing {
	var all []thing
	for i := range s.Nodes {
		n := &s.Nodes[i]
		all = append(all, thing{kind: "node", subject: inspect.NodeSubject(n.Name), node: n.Name, fields: fieldsOf(n, "name", "created", "notReady"),
			shown: []string{"internalIPs"}})
	}
	return all
}

func services(s *inspect.Snapshot) []thing {
	var all []thing
	for i := range s.Services {
		svc := &s.Services[i]
		all = append(all, thing{kind: "service", subject: inspect.ServiceSubject(svc.Namespace, svc.Name),
			fields: fieldsOf(svc, "namespace", "name"), shown: []string{"type", "clusterIPs"}})
	}
	return all
}

// endpoints counts the ready endpoints of each service in each family.
func endpoints(s *inspect.Snapshot) []thing {
	ready := map[[2]string]map[string]int{}
	for _, slice := range s.EndpointSlices {
		if slice.Service == "" {
			continue
		}
		key := [2]string{slice.Namespace, slice.Service}
		if ready[key] == nil {
			ready[key] = map[string]int{}
		}
		for _, e := range slice.Endpoints {
			if e.Ready {
				ready[key]["ready "+slice.Family.String()]++
			}
		}
	}
	var all []thing
	for key, counts := range ready {
		t := thing{kind: "endpoints", subject: inspect.ServiceSubject(key[0], key[1]), fields: map[string]string{}}
		for family, n := range counts {
			t.fields[family] = fmt.Sprint(n)
			t.shown = append(t.shown, family)
		}
		all = append(all, t)
	}
	return all
}

func pools(s *inspect.Snapshot) []thing {
	var all []thing
	for i := range s.Pools {
		p := &s.Pools[i]
		all = append(all, thing{kind: "pool", subject: inspect.PoolSubject(p.Name), fields: fieldsOf(p, "name"), shown: []string{"cidr"}})
	}
	return all
}

// blocks are without the addresses in use: these change with every pod.
func blocks(s *inspect.Snapshot) []thing {
	var all []thing
	for i := range s.Blocks {
		b := &s.Blocks[i]
		all = append(all, thing{kind: "block", subject: inspect.BlockSubject(b.CIDR), fields: fieldsOf(b, "cidr", "allocations"),
			shown: []string{"node", "affinity"}})
	}
	return all
}

func policies(s *inspect.Snapshot) []thing {
	var all []thing
	for i := range s.Policies {
		p := &s.Policies[i]
		all = append(all, thing{kind: "policy", subject: p.String(), fields: fieldsOf(p, "kind", "namespace", "name"),
			shown: []string{"tier", "order", "selector"}})
	}
	return all
}

func peers(s *inspect.Snapshot) []thing {
	var all []thing
	for i := range s.Calico.Peers {
		p := &s.Calico.Peers[i]
		all = append(all, thing{kind: "BGP peer", subject: "BGPPeer " + p.Name, fields: fieldsOf(p, "name"),
			shown: []string{"node", "nodeSelector", "peerIP", "peerSelector", "asn"}})
	}
	return all
}

// fieldsOf are the values of an object by their names in a snapshot, without some. A part of an object has its name, a dot and the
// names of its own values. Values that are not set are not there.
func fieldsOf(object any, without ...string) map[string]string {
	text, err := json.Marshal(object)
	var values map[string]any
	if err == nil {
		err = json.Unmarshal(text, &values)
	}
	if err != nil {
		panic(err) // the types of a snapshot are plain data
	}
	for _, name := range without {
		delete(values, name)
	}
	fields := map[string]string{}
	flatten(fields, "", values)
	return fields
}

func flatten(fields map[string]string, prefix string, values map[string]any) {
	for name, value := range values {
		switch value := value.(type) {
		case map[string]any:
			flatten(fields, prefix+name+".", value)
		case []any:
			fields[prefix+name] = list(value)
		default:
			fields[prefix+name] = fmt.Sprint(value)
		}
	}
}

// list writes a list of words in one line, and one of objects as JSON.
func list(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		if _, ok := v.(map[string]any); ok {
			text, _ := json.Marshal(v) // it was JSON before
			words[i] = string(text)
			continue
		}
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ",")
}
