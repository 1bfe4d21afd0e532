package felix

import (
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico/selector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Felix's defaults (felix/config/config_params.go).
const (
	DefaultVNI  = 4096
	DefaultPort = 4789
	// DefaultMTUIfacePattern matches the names of the interfaces whose smallest MTU is the host's.
	DefaultMTUIfacePattern = `^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)`
	// RouteSourceWorkloads is the value of routeSource that makes routes follow each pod.
	RouteSourceWorkloads = "WorkloadIPs"
)

// Settings are those of Felix on one node: its defaults, FelixConfiguration "default", the one that selects the node,
// FelixConfiguration "node.NAME" and the environment of calico-node. Later ones win.
type Settings struct {
	VXLANEnabled      *bool                 // nil: the pools decide
	VNI               int                   // the same for both families
	Port              int                   // UDP, the same for both families
	MTU               inspect.ByFamily[int] // of the VXLAN device, in bytes; 0 is automatic
	IPv6Support       bool
	BPF               bool
	WireGuard         inspect.ByFamily[bool]
	RouteProtocol     int // deviceRouteProtocol; with 3 (boot) Felix chooses
	RouteSyncDisabled bool
	RouteSource       string // CalicoIPAM or WorkloadIPs; empty is CalicoIPAM
	MTUIfacePattern   string

	ProgramClusterRoutes string // empty: the release's default
}

// settingsOf returns Felix's settings on a node.
func settingsOf(s *inspect.Snapshot, node string) Settings {
	l := layers{&s.Calico.FelixEnv}
	for _, name := range Configurations(s, node) {
		settings := s.Calico.Felix[name]
		l = append(l, &settings)
	}
	return Settings{
		VXLANEnabled: first(l, func(f *inspect.FelixSettings) *bool { return f.VXLANEnabled }),
		VNI:          pick(l, func(f *inspect.FelixSettings) *int { return f.VXLANVNI }, DefaultVNI),
		Port:         pick(l, func(f *inspect.FelixSettings) *int { return f.VXLANPort }, DefaultPort),
		MTU: inspect.ByFamily[int]{
			V4: pick(l, func(f *inspect.FelixSettings) *int { return f.VXLANMTU }, 0),
			V6: pick(l, func(f *inspect.FelixSettings) *int { return f.VXLANMTUV6 }, 0),
		},
		IPv6Support: pick(l, func(f *inspect.FelixSettings) *bool { return f.IPv6Support }, true),
		BPF:         pick(l, func(f *inspect.FelixSettings) *bool { return f.BPFEnabled }, false),
		WireGuard: inspect.ByFamily[bool]{
			V4: pick(l, func(f *inspect.FelixSettings) *bool { return f.WireGuardEnabled }, false),
			V6: pick(l, func(f *inspect.FelixSettings) *bool { return f.WireGuardEnabledV6 }, false),
		},
		RouteProtocol:     pick(l, func(f *inspect.FelixSettings) *int { return f.DeviceRouteProtocol }, ProtocolBoot),
		RouteSyncDisabled: pick(l, func(f *inspect.FelixSettings) *bool { return f.RouteSyncDisabled }, false),
		RouteSource:       l.text(func(f *inspect.FelixSettings) string { return f.RouteSource }, ""),
		MTUIfacePattern: l.text(func(f *inspect.FelixSettings) string { return f.MTUIfacePattern },
			DefaultMTUIfacePattern),
		ProgramClusterRoutes: l.text(func(f *inspect.FelixSettings) string { return f.ProgramClusterRoutes }, ""),
	}
}

// OwnRouteProtocol is the protocol of Felix's routes that are not on a tunnel device: direct ones and blackholes
// (route_mgr.go, calculateRouteProtocol).
func (s Settings) OwnRouteProtocol() int {
	if s.RouteProtocol != ProtocolBoot {
		return s.RouteProtocol
	}
	return ProtocolFelix
}

// Configurations names the FelixConfigurations that hold for a node, the strongest first. A name is there whether or not the
// object exists. No node is the whole cluster.
func Configurations(s *inspect.Snapshot, node string) []string {
	const global, ofNode = "default", "node."
	if node == "" {
		return []string{global}
	}
	names := []string{ofNode + node}
	if group := nodeGroup(s, node); group != "" {
		names = append(names, group)
	}
	return append(names, global)
}

// nodeGroup names the oldest FelixConfiguration whose nodeSelector selects a node. A selector that cannot be read selects none,
// as for Felix.
func nodeGroup(s *inspect.Snapshot, node string) string {
	release := ReleaseOf(s.Calico.Version)
	i := slices.IndexFunc(s.Nodes, func(n inspect.Node) bool { return n.Name == node })
	if i < 0 || release.Known() && !release.Has(NodeGroups) {
		return ""
	}
	group := ""
	for _, name := range slices.Sorted(maps.Keys(s.Calico.Felix)) {
		f := s.Calico.Felix[name]
		if f.NodeSelector == "" || name == "default" || strings.HasPrefix(name, "node.") {
			continue
		}
		if selects, err := selector.Selects(f.NodeSelector, s.Nodes[i].Labels); err != nil || !selects {
			continue
		}
		if group == "" || f.Created.Before(s.Calico.Felix[group].Created) {
			group = name
		}
	}
	return group
}

// layers are the places of a setting, the strongest first.
type layers []*inspect.FelixSettings

func (l layers) text(field func(*inspect.FelixSettings) string, fallback string) string {
	for _, s := range l {
		if v := field(s); v != "" {
			return v
		}
	}
	return fallback
}

// first returns the strongest set value, or nil.
func first[T any](l layers, field func(*inspect.FelixSettings) *T) *T {
	for _, s := range l {
		if v := field(s); v != nil {
			return v
		}
	}
	return nil
}

func pick[T any](l layers, field func(*inspect.FelixSettings) *T, fallback T) T {
	if v := first(l, field); v != nil {
		return *v
	}
	return fallback
}
