package gather

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather/nodetables"
)

// equal compares snapshots by their values.
func equal() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	}
}

// cluster is a fake API server: what it serves, and what it refuses.
type cluster struct {
	kubernetes *fake.Clientset
	dynamic    *dynamicfake.FakeDynamicClient
}

// live returns it as a cluster whose nodes all hold what one held once.
func (c cluster) live() *Cluster {
	return &Cluster{
		Clients: Clients{Kubernetes: c.kubernetes, Dynamic: c.dynamic},
		ways:    func([]inspect.Node) []access.Way { return []access.Way{recordedWay{}} },
	}
}

// recordedWay prints what a node printed once.
type recordedWay struct{}

func (recordedWay) Name() string { return "recorded" }

func (recordedWay) Run(context.Context, string, string, ...string) ([]byte, error) {
	return os.ReadFile("nodetables/testdata/iproute2-6.1.txt")
}

// calicoResources are the resources of Calico that tests serve.
func calicoResources() []string {
	return []string{"ippools", "ipamblocks", "felixconfigurations", "bgpconfigurations", "bgppeers", "clusterinformations", "networkpolicies", "globalnetworkpolicies",
		"ipamconfigs", "ipamconfigurations", "networksets", "globalnetworksets", "tiers"}
}

// newCluster returns a cluster whose Calico is in the groups given.
func newCluster(groups []schema.GroupVersion, objects []runtime.Object, calico ...*unstructured.Unstructured) cluster {
	kinds := map[schema.GroupVersionResource]string{
		{Group: groupMigration, Version: "v1beta1", Resource: "datastoremigrations"}: "DatastoreMigrationList",
		groupOperator().WithResource("installations"):                                "InstallationList",
		groupOperator().WithResource("tigerastatuses"):                               "TigeraStatusList",
	}
	client := fake.NewClientset(objects...)
	for _, gv := range groups {
		list := &metav1.APIResourceList{GroupVersion: gv.String()}
		for _, resource := range calicoResources() {
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: resource})
			kinds[gv.WithResource(resource)] = resource + "List"
		}
		client.Resources = append(client.Resources, list)
	}
	dynamic := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds)
	for _, o := range calico {
		resource, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
		if err := dynamic.Tracker().Create(resource, o, o.GetNamespace()); err != nil {
			panic(err)
		}
	}
	return cluster{client, dynamic}
}

func calicoObject(gv schema.GroupVersion, kind, name string, spec map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	o.SetGroupVersionKind(gv.WithKind(kind))
	o.SetName(name)
	return o
}

// refuse makes the server answer a verb on a resource with an error.
func (c cluster) refuse(verb, resource string, err error) {
	react := func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err }
	c.kubernetes.PrependReactor(verb, resource, react)
	c.dynamic.PrependReactor(verb, resource, react)
}

func forbidden(resource string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("User \"x\" cannot do that"))
}

// labCluster is a small cluster with all that is gathered.
func labCluster() cluster {
	daemonSet := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "calico-node"}}
	daemonSet.Spec.Template.Spec.Containers = []corev1.Container{{Name: "other"}, {
		Name: "calico-node", Image: "registry.test:5000/calico/node:v3.30.1@sha256:" + strings.Repeat("0a", 32),
		Env: []corev1.EnvVar{
			{Name: "FELIX_IPV6SUPPORT", Value: "true"},
			{Name: "IP", Value: "autodetect"},
			{Name: "PATH", Value: "/bin"},
			{Name: "FELIX_VXLANMTU", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: "calico-config"}, Key: "veth_mtu",
			}}},
		},
	}}
	objects := []runtime.Object{
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a", Annotations: map[string]string{
			calico.AnnotationIPv4Address: "10.0.0.1/24", calico.AnnotationASN: "1.10", calico.AnnotationReflector: "244.0.0.1",
		}}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "p"}},
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "s"}},
		&discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "s-1"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "calico-config"},
			Data: map[string]string{"veth_mtu": "0", "cni_network_config": `{"plugins": [{"type": "calico", "mtu": __CNI_MTU__,
				"ipam": {"type": "calico-ipam", "assign_ipv4": "true", "assign_ipv6": "true"}}, {"type": "portmap"}]}`}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "kubeadm-config"},
			Data: map[string]string{"ClusterConfiguration": "networking: {podSubnet: '192.168.0.0/16,fd00::/48', serviceSubnet: 10.96.0.0/16}"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-proxy"},
			Data: map[string]string{"config.conf": "{mode: ipvs, bindAddress: '::', clusterCIDR: 192.168.0.0/16}"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "coredns"},
			Data: map[string]string{"Corefile": ".:53 {\n  template IN AAAA . {\n    rcode NOERROR\n  }\n  # forward\n  forward . 10.0.0.1\n}"}},
		&networkingv1.ServiceCIDR{ObjectMeta: metav1.ObjectMeta{Name: "kubernetes"},
			Spec: networkingv1.ServiceCIDRSpec{CIDRs: []string{"10.96.0.0/16", "fd00:96::/112"}}},
		&networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "deny"},
			Spec: networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}}},
		event("1", "p", "no address", 1), event("2", "p", "still no address", 2), event("3", "p", "nothing yet", 0),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "dualstack-lab"},
			Data: map[string]string{"name": "lab", "externalIPv4": "1.1.1.1", "fabricIPv6": "fd00:10:10::/64"}},
		daemonSet,
	}
	return newCluster([]schema.GroupVersion{groupCRD()}, objects,
		calicoObject(groupCRD(), "IPPool", "v4", map[string]any{"cidr": "192.168.0.0/16"}),
		calicoObject(groupCRD(), "IPAMBlock", "192-168-0-0-26", map[string]any{"cidr": "192.168.0.0/26", "affinity": "host:a"}),
		calicoObject(groupCRD(), "FelixConfiguration", "default", map[string]any{"vxlanVNI": int64(5000), "programClusterRoutes": "Enabled"}),
		calicoObject(groupCRD(), "BGPConfiguration", "default", map[string]any{"programClusterRoutes": "Disabled", "nodeToNodeMeshEnabled": false,
			"asNumber": int64(65100), "listenPort": int64(1790)}),
		calicoObject(groupCRD(), "BGPConfiguration", "node.worker", map[string]any{"programClusterRoutes": "Enabled", "listenPort": int64(1791)}),
		calicoObject(groupCRD(), "BGPPeer", "router", map[string]any{"peerIP": "[fd00:10:10::1]:1179", "asNumber": "65000", "filters": []any{"no-v6"}, "futureField": true}),
		calicoObject(groupCRD(), "BGPPeer", "reflectors", map[string]any{"nodeSelector": "all()", "peerSelector": "has(rr)", "reversePeering": "Manual"}),
		calicoObject(groupCRD(), "BGPPeer", "pods", map[string]any{"node": "a", "localWorkloadSelector": "has(bgp)", "peerIP": "no address"}),
		calicoObject(groupCRD(), "ClusterInformation", "default", map[string]any{"calicoVersion": "v3.28.5"}),
		calicoObject(groupCRD(), "IPAMConfig", "default", map[string]any{"strictAffinity": true}),
		calicoObject(groupOperator(), "Installation", "default", map[string]any{"calicoNetwork": map[string]any{
			"bgp": "Disabled", "ipPools": []any{map[string]any{"name": "v4", "cidr": "192.168.0.0/16"}},
			"nodeAddressAutodetectionV6": map[string]any{"kubernetes": "NodeInternalIP"},
		}}),
		tigeraStatus(),
	)
}

// event is a warning about a pod, some minutes after the epoch.
func event(name, pod, message string, minutes int64) *corev1.Event {
	return &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Type: "Warning", Reason: "FailedCreatePodSandBox",
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: "default", Name: pod}, Message: message,
		LastTimestamp: metav1.Unix(minutes*60, 0)}
}

func tigeraStatus() *unstructured.Unstructured {
	o := calicoObject(groupOperator(), "TigeraStatus", "calico", nil)
	o.Object["status"] = map[string]any{"conditions": []any{
		map[string]any{"type": "Available", "status": "False"},
		map[string]any{"type": "Degraded", "status": "True", "reason": "PoolsDiffer", "message": "the pool\nis not there"},
	}}
	return o
}

func wantLab() inspect.Snapshot {
	vni, mtu, yes := 5000, 0, true
	return inspect.Snapshot{
		Tables:   map[string]inspect.NodeTable{},
		NAT:      map[string]inspect.ByFamily[inspect.NAT]{},
		BIRD:     map[string]inspect.ByFamily[inspect.BIRD]{},
		Gathered: inspect.Facts(),
		Nodes: []inspect.Node{{Name: "a", Address: inspect.ByFamily[netip.Prefix]{V4: netip.MustParsePrefix("10.0.0.1/24")},
			ASN: 65546, RouteReflector: netip.MustParseAddr("244.0.0.1")}},
		Pods:           []inspect.Pod{{Namespace: "default", Name: "p"}},
		Services:       []inspect.Service{{Namespace: "default", Name: "s"}},
		EndpointSlices: []inspect.EndpointSlice{{Namespace: "default", Name: "s-1"}},
		Pools: []inspect.IPPool{{
			Name: "v4", CIDR: netip.MustParsePrefix("192.168.0.0/16"), BlockSize: 26, IPIPMode: "Never", VXLANMode: "Never",
			NodeSelector: "all()", AllowedUses: []string{"Workload", "Tunnel"},
		}},
		Blocks: []inspect.IPAMBlock{{CIDR: netip.MustParsePrefix("192.168.0.0/26"), Node: "a"}},
		Calico: inspect.Calico{
			Version: "v3.28.5", APIGroup: "crd.projectcalico.org/v1",
			Felix: map[string]inspect.FelixSettings{"default": {VXLANVNI: &vni, ProgramClusterRoutes: "Enabled"}},
			BGP: inspect.BGPSettings{ProgramClusterRoutes: "Disabled", NodeMesh: new(bool), ASN: 65100, Port: 1790,
				Ports: map[string]uint16{"worker": 1791}},
			Peers: []inspect.BGPPeer{{Name: "pods", Node: "a", Workloads: true},
				{Name: "reflectors", NodeSelector: "all()", PeerSelector: "has(rr)", Manual: true},
				{Name: "router", PeerIP: netip.MustParseAddr("fd00:10:10::1"), Port: 1179, ASN: 65000, Filters: []string{"no-v6"}}},
			FelixEnv: inspect.FelixSettings{IPv6Support: &yes, VXLANMTU: &mtu},
			Node:     inspect.CalicoNode{Namespace: "kube-system", Version: "v3.30.1", Env: map[string]string{"IP": "autodetect"}},
			CNI: inspect.CNI{Source: "kube-system/calico-config", IPAM: "calico-ipam", AssignIPv4: &yes, AssignIPv6: &yes,
				PortMap: true},
			IPAM: inspect.IPAMConfig{StrictAffinity: &yes},
			Operator: &inspect.Operator{BGP: "Disabled", Pools: []inspect.OperatorPool{{Name: "v4", CIDR: "192.168.0.0/16"}},
				Autodetection: inspect.ByFamily[string]{V6: "kubernetes=NodeInternalIP"},
				Parts:         []inspect.OperatorPart{{Name: "calico", Degraded: "PoolsDiffer: the pool is not there"}}},
		},
		ServiceCIDRs: parsePrefixes("10.96.0.0/16,fd00:96::/112"),
		Kubeadm: inspect.Kubeadm{PodSubnets: parsePrefixes("192.168.0.0/16,fd00::/48"),
			ServiceSubnets: parsePrefixes("10.96.0.0/16")},
		KubeProxy: inspect.KubeProxy{Found: true, Mode: "ipvs", BindAddress: netip.IPv6Unspecified(),
			ClusterCIDRs: parsePrefixes("192.168.0.0/16")},
		CoreDNS: inspect.CoreDNS{Directives: []string{"template IN AAAA . { rcode NOERROR }", "forward . 10.0.0.1"}},
		Events: []inspect.Event{{Kind: "Pod", Namespace: "default", Name: "p", Reason: "FailedCreatePodSandBox",
			Message: "still no address", Last: time.Unix(120, 0).UTC()}},
		Policies: []inspect.Policy{{Kind: "NetworkPolicy", Namespace: "default", Name: "deny", Order: new(1000.0), Egress: true}},
		Lab: inspect.Lab{
			Name:     "lab",
			External: inspect.ByFamily[netip.Addr]{V4: netip.MustParseAddr("1.1.1.1")},
			Fabric:   inspect.ByFamily[netip.Prefix]{V6: netip.MustParsePrefix("fd00:10:10::/64")},
		},
	}
}

// TestGather reads everything, and everything but what a server refuses: the rest still comes.
func TestGather(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(cluster)
		want    func(*inspect.Snapshot)
	}{
		"everything": {prepare: func(cluster) {}, want: func(*inspect.Snapshot) {}},
		"no permission for pools": {
			prepare: func(c cluster) { c.refuse("list", "ippools", forbidden("ippools")) },
			want: func(s *inspect.Snapshot) {
				s.Pools = nil
				s.Missing = []inspect.Missing{{
					Fact: inspect.FactPools, Reason: "cannot list ippools.crd.projectcalico.org: permission denied",
				}}
			},
		},
		"no definition of blocks": {
			prepare: func(c cluster) {
				c.refuse("list", "ipamblocks", apierrors.NewNotFound(schema.GroupResource{Resource: "ipamblocks"}, ""))
			},
			want: func(s *inspect.Snapshot) {
				s.Blocks = nil
				s.Missing = []inspect.Missing{{
					Fact: inspect.FactBlocks, Reason: "cannot list ipamblocks.crd.projectcalico.org: the cluster does not have it", Absent: true,
				}}
			},
		},
		"no permission for daemon sets": {
			prepare: func(c cluster) { c.refuse("get", "daemonsets", forbidden("daemonsets")) },
			want: func(s *inspect.Snapshot) {
				s.Calico.FelixEnv, s.Calico.Node = inspect.FelixSettings{}, inspect.CalicoNode{}
				s.Missing = []inspect.Missing{
					{Fact: inspect.FactCalicoNode, Reason: `cannot get daemonsets.apps in namespace "kube-system": permission denied`},
					{Fact: inspect.FactCalicoNode, Reason: `cannot get daemonsets.apps in namespace "calico-system": permission denied`},
					{Fact: inspect.FactFelix, Reason: `cannot get daemonsets.apps in namespace "kube-system": permission denied`},
					{Fact: inspect.FactFelix, Reason: `cannot get daemonsets.apps in namespace "calico-system": permission denied`},
				}
			},
		},
		"no permission for Felix configurations and the config map": {
			prepare: func(c cluster) {
				c.refuse("list", "felixconfigurations", forbidden("felixconfigurations"))
				c.refuse("get", "configmaps", forbidden("configmaps"))
			},
			want: func(s *inspect.Snapshot) {
				s.Calico.Felix, s.Calico.FelixEnv, s.Lab = nil, inspect.FelixSettings{}, inspect.Lab{}
				s.Kubeadm, s.KubeProxy, s.CoreDNS, s.Calico.CNI = inspect.Kubeadm{}, inspect.KubeProxy{}, inspect.CoreDNS{}, inspect.CNI{}
				for _, fact := range []inspect.Fact{inspect.FactKubeadm, inspect.FactKubeProxy, inspect.FactCoreDNS, inspect.FactCNI} {
					s.Missing = append(s.Missing, inspect.Missing{Fact: fact,
						Reason: `cannot get configmaps in namespace "kube-system": permission denied`})
				}
				s.Missing = append(s.Missing, []inspect.Missing{
					{Fact: inspect.FactFelix, Reason: "cannot list felixconfigurations.crd.projectcalico.org: permission denied"},
					{Fact: inspect.FactFelix, Reason: "variable FELIX_VXLANMTU of calico-node: " +
						`cannot get configmaps in namespace "kube-system": permission denied`},
					{Fact: inspect.FactLab, Reason: `cannot get configmaps in namespace "kube-system": permission denied`},
				}...)
			},
		},
		"no version written down": {
			prepare: func(c cluster) { c.refuse("list", "clusterinformations", forbidden("clusterinformations")) },
			want:    func(s *inspect.Snapshot) { s.Calico.Version = "v3.30.1" },
		},
		"a server that fails": {
			prepare: func(c cluster) {
				c.refuse("list", "endpointslices", apierrors.NewInternalError(errors.New("etcd\nis  slow")))
			},
			want: func(s *inspect.Snapshot) {
				s.EndpointSlices = nil
				s.Missing = []inspect.Missing{{
					Fact:   inspect.FactEndpointSlices,
					Reason: "cannot list endpointslices.discovery.k8s.io: Internal error occurred: etcd is slow",
				}}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := labCluster()
			test.prepare(c)
			got, err := c.live().Snapshot(t.Context(), Request{Facts: inspect.Facts()})
			if err != nil {
				t.Fatal(err)
			}
			want := wantLab()
			if want.Tables["a"], err = recordedTable(); err != nil {
				t.Fatal(err)
			}
			test.want(&want)
			want.Missing = append(want.Missing, inspect.Missing{Fact: inspect.FactNAT, Node: "a",
				Reason: "the node's container has neither iptables nor nft"},
				inspect.Missing{Fact: inspect.FactBIRD, Node: "a", Reason: "the processes of calico-node are not to be seen from there: " +
					"try --node-access exec, which enters its container"})
			slices.SortStableFunc(want.Missing, func(a, b inspect.Missing) int { return strings.Compare(string(a.Fact), string(b.Fact)) })
			if diff := cmp.Diff(want, *got, equal()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func recordedTable() (inspect.NodeTable, error) {
	out, err := recordedWay{}.Run(context.Background(), "", "")
	if err != nil {
		return inspect.NodeTable{}, err
	}
	return nodetables.Parse(out)
}

// TestGatherTables: the tables are those of the nodes that the request is about, also where it does not ask for nodes.
func TestGatherTables(t *testing.T) {
	for name, test := range map[string]struct {
		request Request
		refuse  bool
		tables  int
		missing []inspect.Fact
		wantErr string
	}{
		"all":                   {request: Request{Facts: []inspect.Fact{inspect.FactTables, inspect.FactNodes}}, tables: 1},
		"without nodes":         {request: Request{Facts: []inspect.Fact{inspect.FactTables}}, tables: 1},
		"not asked for":         {request: Request{Facts: []inspect.Fact{inspect.FactNodes}}},
		"one":                   {request: Request{Facts: []inspect.Fact{inspect.FactTables}, Node: "a"}, tables: 1},
		"of no node":            {request: Request{Facts: []inspect.Fact{inspect.FactTables}, Node: "x"}, wantErr: `node "x": there is no such node`},
		"no permission":         {request: Request{Facts: []inspect.Fact{inspect.FactTables, inspect.FactNodes}}, refuse: true, missing: []inspect.Fact{inspect.FactNodes}},
		"neither one nor other": {request: Request{Facts: []inspect.Fact{inspect.FactTables}}, refuse: true, missing: []inspect.Fact{inspect.FactTables}},
	} {
		t.Run(name, func(t *testing.T) {
			c := labCluster()
			if test.refuse {
				c.refuse("list", "nodes", forbidden("nodes"))
			}
			snap, err := c.live().Snapshot(t.Context(), test.request)
			if test.wantErr != "" {
				if err == nil || err.Error() != test.wantErr {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var missing []inspect.Fact
			for _, m := range snap.Missing {
				missing = append(missing, m.Fact)
			}
			if len(snap.Tables) != test.tables || !slices.Equal(missing, test.missing) {
				t.Errorf("%d tables, missing %v", len(snap.Tables), missing)
			}
		})
	}
}

// TestGatherNothing: a server that has nothing at all is none of Kubernetes, which is an error and not an empty Snapshot.
func TestGatherNothing(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"404": http.NotFound,
		"404, as an API server says it": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
		},
		"null": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "null")
		},
		"an object without fields": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{}")
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answer)
			defer server.Close()
			c, err := NewCluster(&rest.Config{Host: server.URL}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			snap, err := c.Snapshot(t.Context(), Request{Facts: inspect.Facts()})
			if err == nil {
				t.Errorf("got %+v", snap)
			}
		})
	}
}

func TestGatherWithoutCalico(t *testing.T) {
	c := newCluster(nil, []runtime.Object{&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kubernetes"}}})
	got, err := c.live().Snapshot(t.Context(), Request{Facts: inspect.Facts()})
	if err != nil {
		t.Fatal(err)
	}
	var missing []inspect.Fact
	for _, m := range got.Missing {
		missing = append(missing, m.Fact)
		if m.Fact != inspect.FactCalicoNode && !strings.HasPrefix(m.Reason, "the cluster has no Calico API") {
			t.Errorf("%s is missing because %q", m.Fact, m.Reason)
		}
	}
	want := []inspect.Fact{inspect.FactBGP, inspect.FactBGPPeers, inspect.FactCalicoNode, inspect.FactVersion, inspect.FactFelix, inspect.FactBlocks, inspect.FactIPAMConfig,
		inspect.FactPools}
	if !slices.Equal(missing, want) {
		t.Errorf("missing are %q, want %q", missing, want)
	}
}

// TestGatherOnlyWhatIsAsked makes sure that no fact is read for nothing.
func TestGatherOnlyWhatIsAsked(t *testing.T) {
	c := labCluster()
	if _, err := c.live().Snapshot(t.Context(), Request{Facts: []inspect.Fact{inspect.FactNodes}}); err != nil {
		t.Fatal(err)
	}
	if n := len(c.dynamic.Actions()); n != 0 {
		t.Errorf("Calico was asked %d times for nodes", n)
	}
	for _, a := range c.kubernetes.Actions() {
		if a.GetVerb() != "list" || a.GetResource().Resource != "nodes" {
			t.Errorf("%s %s was asked for nodes", a.GetVerb(), a.GetResource().Resource)
		}
	}
}

func TestGatherErrors(t *testing.T) {
	refused := &url.Error{Op: "Get", URL: "https://127.0.0.1:1", Err: errors.New("connection refused")}
	for name, test := range map[string]struct {
		request Request
		refuse  func(cluster)
		want    error
		missing []inspect.Fact // beside the error
	}{
		"the subject and another are forbidden": {
			request: Request{Facts: inspect.Facts(), Subject: inspect.FactNodes},
			refuse: func(c cluster) {
				c.refuse("list", "nodes", forbidden("nodes"))
				c.refuse("list", "ippools", forbidden("ippools"))
			},
			want:    forbidden("nodes"),
			missing: []inspect.Fact{inspect.FactPools},
		},
		"a name does not exist": {
			request: Request{Facts: inspect.Facts(), Subject: inspect.FactServices, Namespace: "default", Names: []string{"s", "t"}},
			refuse:  func(cluster) {},
			want:    apierrors.NewNotFound(schema.GroupResource{Resource: "services"}, "t"),
		},
		"there is no connection": {
			request: Request{Facts: []inspect.Fact{inspect.FactBlocks}},
			refuse:  func(c cluster) { c.refuse("list", "ipamblocks", refused) },
			want:    refused,
		},
		"the login is refused": {
			request: Request{Facts: []inspect.Fact{inspect.FactPods}},
			refuse:  func(c cluster) { c.refuse("list", "pods", apierrors.NewUnauthorized("no")) },
			want:    apierrors.NewUnauthorized("no"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := labCluster()
			test.refuse(c)
			snap, err := c.live().Snapshot(t.Context(), test.request)
			if err == nil || !strings.HasSuffix(err.Error(), test.want.Error()) {
				t.Errorf("got error %v, want %v", err, test.want)
			}
			var missing []inspect.Fact
			if snap != nil {
				for _, m := range snap.Missing {
					missing = append(missing, m.Fact)
				}
			}
			if !slices.Equal(missing, test.missing) {
				t.Errorf("missing beside the error are %q, want %q", missing, test.missing)
			}
		})
	}
}

// TestSharer holds that pods share equal labels, and only those.
func TestSharer(t *testing.T) {
	pods := []inspect.Pod{
		{Name: "a", Labels: map[string]string{"app": "web", "tier": "x"}},
		{Name: "b", Labels: map[string]string{"tier": "x", "app": "web"}},
		{Name: "c", Labels: map[string]string{"app": "web,\"tier\"=\"x"}},
		{Name: "d", Labels: map[string]string{"app": "web"}},
		{Name: "e"},
	}
	want := slices.Clone(pods)
	share := newSharer()
	for i := range pods {
		share.pod(&pods[i])
	}
	if diff := cmp.Diff(want, pods); diff != "" {
		t.Errorf("sharing has changed them: -want +got:\n%s", diff)
	}
	pods[0].Labels["app"] = "changed"
	if pods[1].Labels["app"] != "changed" || pods[3].Labels["app"] != "web" {
		t.Error("equal labels are not shared, or others are")
	}
}
