package diff

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// replacedField counts the pods that were replaced. It has no value before.
const replacedField = "replaced"

// pods are those without a controller; see replaced for the others.
func pods(s *inspect.Snapshot) []thing {
	var all []thing
	for i := range s.Pods {
		p := &s.Pods[i]
		if group(p) == "" {
			all = append(all, podThing(p))
		}
	}
	return all
}

// podThing is a pod with what concerns its addresses.
func podThing(p *inspect.Pod) thing {
	shown := fieldsOf(p, "namespace", "name", "uid", "labels", "created", "restarts", "lastExit", "containers", "ports", "serviceAccount", "calicoCNI",
		"calicoIPs", "waiting")
	return thing{kind: "pod", subject: inspect.PodSubject(p.Namespace, p.Name), node: p.Node, fields: shown, shown: []string{"ips"}}
}

// group words the pods of the controller that made a pod; it is empty for a pod without a controller.
func group(p *inspect.Pod) string {
	if name := controller(p); name != "" {
		return "pods of " + p.Namespace + "/" + name
	}
	return ""
}

// controller is the name of the controller that made a pod, and replaces it when it ends; empty for none. Kubernetes' own controllers
// put labels on their pods, and this function reads these.
func controller(p *inspect.Pod) string {
	if hash := p.Labels["pod-template-hash"]; hash != "" { // a Deployment's ReplicaSet
		if name, _, ok := strings.Cut(p.Name, "-"+hash+"-"); ok {
			return name
		}
	}
	if job := p.Labels["batch.kubernetes.io/job-name"]; job != "" {
		return job
	}
	if p.Labels["controller-revision-hash"] != "" { // of a DaemonSet or StatefulSet
		if at := strings.LastIndex(p.Name, "-"); at > 0 {
			return p.Name[:at]
		}
	}
	return ""
}

// replaced compares the pods of each controller: those that are there in both snapshots one by one, the others by their number, and
// by how many have no address of a family.
func replaced(before, after []inspect.Pod) []Change {
	was, is := byController(before), byController(after)
	var changes []Change
	for _, subject := range keysOf(was, is) {
		old, now := was[subject], is[subject]
		var one, two []thing
		for uid, p := range now {
			if earlier, ok := old[uid]; ok {
				one, two = append(one, podThing(earlier)), append(two, podThing(p))
			}
		}
		changes = append(changes, compare(one, two)...)
		c := Change{Change: Changed, Kind: "pods", Subject: subject, Fields: counted(old, now, len(one))}
		switch {
		case len(old) == 0:
			c.Change = Added
		case len(now) == 0:
			c.Change = Gone
		}
		if len(c.Fields) > 0 {
			changes = append(changes, c)
		}
	}
	return changes
}

// counted compares the pods of a controller by their numbers. stayed is how many are in both snapshots.
func counted(before, after map[string]*inspect.Pod, stayed int) []Field {
	var fields []Field
	if n := min(len(before), len(after)) - stayed; n > 0 {
		fields = append(fields, Field{Name: replacedField, After: fmt.Sprintf("%d of %d", n, len(before))})
	}
	add := func(name string, was, is int) {
		if was != is {
			fields = append(fields, Field{Name: name, Before: number(was), After: number(is)})
		}
	}
	add("number", len(before), len(after))
	if len(after) > stayed { // those that stayed are compared themselves
		for _, f := range inspect.Families() {
			add("without "+f.String()+" address", without(before, f), without(after, f))
		}
	}
	return fields
}

// number writes a number, and nothing for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// without counts the pods that have no address of a family.
func without(pods map[string]*inspect.Pod, f inspect.Family) int {
	n := 0
	for _, p := range pods {
		if !slices.ContainsFunc(p.IPs, func(ip netip.Addr) bool { return inspect.FamilyOf(ip) == f }) {
			n++
		}
	}
	return n
}

// byController returns the pods that have a controller, by their group and UID.
func byController(pods []inspect.Pod) map[string]map[string]*inspect.Pod {
	all := map[string]map[string]*inspect.Pod{}
	for i := range pods {
		p := &pods[i]
		key := group(p)
		if key == "" {
			continue
		}
		if all[key] == nil {
			all[key] = map[string]*inspect.Pod{}
		}
		uid := p.UID
		if uid == "" { // a recording without
			uid = p.Name
		}
		all[key][uid] = p
	}
	return all
}
