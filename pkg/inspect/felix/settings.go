package felix

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Felix's defaults (felix/config/config_params.go).
const (
	DefaultVNI  = 4096
	DefaultPort = 4789
	// DefaultMTUIfacePattern matches the names of the interfaces whose smallest MTU is the host's.
	DefaultMTUIfacePattern = `^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)`
	// protocolBoot is the kernel's RTPROT_BOOT, Felix's default for the routes of its own devices.
	protocolBoot = 3
	// protocolFelix marks the routes that Felix must tell from those of others (dataplanedefs.DefaultRouteProto).
	protocolFelix = 80

	routeSourceWorkloads = "WorkloadIPs"
)

// Settings are what Felix goes by on one node: its defaults, FelixConfiguration "default", FelixConfiguration
// "node.NAME" and the environment of calico-node, where the later win, and what the IP pools switch on.
type Settings struct {
	VXLAN             inspect.ByFamily[bool] // whether Felix runs VXLAN for the family at all
	VNI               int                    // the same for both families
	Port              int                    // UDP, the same for both families
	MTU               inspect.ByFamily[int]  // of the tunnel device; 0 is automatic
	IPv6Support       bool
	BPF               bool
	WireGuard         inspect.ByFamily[bool]
	RouteProtocol     int // deviceRouteProtocol; 3 (boot) stands for "as Felix likes"
	RouteSyncDisabled bool
	RouteSource       string // CalicoIPAM or WorkloadIPs; empty is CalicoIPAM
	MTUIfacePattern   string
}

// settingsOf returns what Felix goes by on a node.
func settingsOf(s *inspect.Snapshot, node string) Settings {
	perNode, global := s.Calico.Felix["node."+node], s.Calico.Felix["default"]
	l := layers{&s.Calico.FelixEnv, &perNode, &global}
	set := Settings{
		VNI:  pick(l, func(f *inspect.FelixSettings) *int { return f.VXLANVNI }, DefaultVNI),
		Port: pick(l, func(f *inspect.FelixSettings) *int { return f.VXLANPort }, DefaultPort),
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
		RouteProtocol:     pick(l, func(f *inspect.FelixSettings) *int { return f.DeviceRouteProtocol }, protocolBoot),
		RouteSyncDisabled: pick(l, func(f *inspect.FelixSettings) *bool { return f.RouteSyncDisabled }, false),
		RouteSource:       l.text(func(f *inspect.FelixSettings) string { return f.RouteSource }, ""),
		MTUIfacePattern: l.text(func(f *inspect.FelixSettings) string { return f.MTUIfacePattern },
			DefaultMTUIfacePattern),
	}
	// vxlanEnabled is from the time before IPv6 and overrides the pools for IPv4 alone (encapsulation_resolver.go).
	set.VXLAN.V4 = pick(l, func(f *inspect.FelixSettings) *bool { return f.VXLANEnabled },
		anyVXLANPool(s.Pools, inspect.IPv4))
	set.VXLAN.V6 = set.IPv6Support && anyVXLANPool(s.Pools, inspect.IPv6)
	return set
}

// routeProtocol is the protocol of the routes that are not on the tunnel device: direct ones and blackholes
// (route_mgr.go, calculateRouteProtocol).
func (s Settings) routeProtocol() int {
	if s.RouteProtocol != protocolBoot {
		return s.RouteProtocol
	}
	return protocolFelix
}

// anyVXLANPool reports whether a pool of the family is encapsulated by VXLAN. Felix counts disabled pools too: they
// give no new addresses, but those given out are still routed.
func anyVXLANPool(pools []inspect.IPPool, f inspect.Family) bool {
	for _, p := range pools {
		if p.Family() == f && usesVXLAN(p) {
			return true
		}
	}
	return false
}

func usesVXLAN(p inspect.IPPool) bool {
	return p.VXLANMode == inspect.EncapAlways || p.VXLANMode == inspect.EncapCrossSubnet
}

// layers are the places where a setting can be, the strongest first.
type layers [3]*inspect.FelixSettings

func (l layers) text(field func(*inspect.FelixSettings) string, fallback string) string {
	for _, s := range l {
		if v := field(s); v != "" {
			return v
		}
	}
	return fallback
}

func pick[T any](l layers, field func(*inspect.FelixSettings) *T, fallback T) T {
	for _, s := range l {
		if v := field(s); v != nil {
			return *v
		}
	}
	return fallback
}
