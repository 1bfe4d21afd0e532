package gather

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// calicoNode finds Calico's DaemonSet: the manifest puts it into kube-system, the operator into calico-system. If it is
// not found, a refusal is the error rather than "not found", since the DaemonSet may be in the namespace that refused.
func calicoNode(ctx context.Context, client kubernetes.Interface) (*appsv1.DaemonSet, error) {
	var refused, absent error
	for _, namespace := range calico.NodeNamespaces() {
		ds, err := client.AppsV1().DaemonSets(namespace).Get(ctx, calico.NodeName, metav1.GetOptions{})
		if err == nil {
			return ds, nil
		}
		err = errorf("get", "daemonsets.apps", namespace, err)
		if apierrors.IsNotFound(err) {
			absent = cmp.Or(absent, err)
		} else {
			refused = errors.Join(refused, err)
		}
	}
	return nil, cmp.Or(refused, absent)
}

// imageTag returns the tag of the image of calico-node, which is its version.
func imageTag(ds *appsv1.DaemonSet) string { return calico.ImageTag(felixContainer(ds).Image) }

func felixContainer(ds *appsv1.DaemonSet) corev1.Container {
	containers := ds.Spec.Template.Spec.Containers
	i := slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == calico.NodeName })
	if i < 0 {
		return corev1.Container{}
	}
	return containers[i]
}

// readFelix reads the FelixConfigurations and the environment of calico-node. It reads each of them even if the other
// fails.
func (g *gatherer) readFelix(ctx context.Context) error {
	settings := map[string]inspect.FelixSettings{}
	listErr := g.eachObject(ctx, "felixconfigurations", func(u *unstructured.Unstructured) error {
		if s, ok := readFelixConfiguration(u); ok {
			settings[u.GetName()] = s
		}
		return nil
	})
	if listErr == nil && len(settings) > 0 {
		g.snap.Calico.Felix = settings
	}
	if listErr != nil && (isFatal(ctx, listErr) || errors.Is(listErr, errNoCalico)) {
		return listErr
	}
	env, envErr := g.felixEnv(ctx)
	if envErr == nil {
		g.snap.Calico.FelixEnv = env
	}
	return errors.Join(listErr, envErr)
}

// readFelixConfiguration keeps the settings of a FelixConfiguration that we use.
func readFelixConfiguration(u *unstructured.Unstructured) (inspect.FelixSettings, bool) {
	spec, ok := readSpec[felixSpec](u, "vxlanVNI", "vxlanPort", "vxlanMTU", "vxlanMTUV6", "vxlanEnabled",
		"ipv6Support", "bpfEnabled", "wireguardEnabled", "wireguardEnabledV6", "deviceRouteProtocol", "routeSyncDisabled",
		"routeSource", "mtuIfacePattern")
	return inspect.FelixSettings{
		VXLANVNI:            spec.VXLANVNI,
		VXLANPort:           spec.VXLANPort,
		VXLANMTU:            spec.VXLANMTU,
		VXLANMTUV6:          spec.VXLANMTUV6,
		VXLANEnabled:        spec.VXLANEnabled,
		IPv6Support:         spec.IPv6Support,
		BPFEnabled:          spec.BPFEnabled,
		WireGuardEnabled:    spec.WireguardEnabled,
		WireGuardEnabledV6:  spec.WireguardEnabledV6,
		DeviceRouteProtocol: spec.DeviceRouteProtocol,
		RouteSyncDisabled:   spec.RouteSyncDisabled,
		RouteSource:         spec.RouteSource,
		MTUIfacePattern:     spec.MTUIfacePattern,
		IptablesBackend:     string(deref(spec.IptablesBackend)),
		NFTablesMode:        spec.NFTablesMode,
		NATOutgoingAddress:  spec.NATOutgoingAddress,
		NodeSelector:        spec.NodeSelector,
		Created:             u.GetCreationTimestamp().UTC(),

		ProgramClusterRoutes: spec.ProgramClusterRoutes,
	}, ok
}

// felixEnv reads the FELIX_… variables of calico-node, of which manifests take some from a ConfigMap.
func (g *gatherer) felixEnv(ctx context.Context) (inspect.FelixSettings, error) {
	ds, err := g.daemonSet(ctx)
	if err != nil {
		return inspect.FelixSettings{}, err
	}
	env, err := g.env(ctx, ds, func(name string) bool { return strings.HasPrefix(name, "FELIX_") })
	if err != nil {
		return inspect.FelixSettings{}, err
	}
	return readFelixEnv(env), nil
}

// readFelixEnv reads the variables as Felix does (felix/config): names in any case, values that it cannot read ignored.
func readFelixEnv(env map[string]string) inspect.FelixSettings {
	vars := make(map[string]string, len(env))
	for name, value := range env {
		vars[strings.ToUpper(name)] = strings.TrimSpace(value)
	}
	number := func(name string) *int {
		n, err := strconv.Atoi(vars["FELIX_"+name])
		if err != nil {
			return nil
		}
		return &n
	}
	boolean := func(name string) *bool { return parseFelixBool(vars["FELIX_"+name]) }
	return inspect.FelixSettings{
		VXLANVNI:            number("VXLANVNI"),
		VXLANPort:           number("VXLANPORT"),
		VXLANMTU:            number("VXLANMTU"),
		VXLANMTUV6:          number("VXLANMTUV6"),
		VXLANEnabled:        boolean("VXLANENABLED"),
		IPv6Support:         boolean("IPV6SUPPORT"),
		BPFEnabled:          boolean("BPFENABLED"),
		WireGuardEnabled:    boolean("WIREGUARDENABLED"),
		WireGuardEnabledV6:  boolean("WIREGUARDENABLEDV6"),
		DeviceRouteProtocol: number("DEVICEROUTEPROTOCOL"),
		RouteSyncDisabled:   boolean("ROUTESYNCDISABLED"),
		RouteSource:         vars["FELIX_ROUTESOURCE"],
		MTUIfacePattern:     vars["FELIX_MTUIFACEPATTERN"],
		IptablesBackend:     vars["FELIX_IPTABLESBACKEND"],
		NFTablesMode:        vars["FELIX_NFTABLESMODE"],
		NATOutgoingAddress:  vars["FELIX_NATOUTGOINGADDRESS"],

		ProgramClusterRoutes: vars["FELIX_PROGRAMCLUSTERROUTES"],
	}
}

// parseFelixBool reads a boolean in the words that Felix accepts (felix/config/param_types.go, BoolParam).
func parseFelixBool(s string) *bool {
	var value bool
	switch strings.ToLower(s) {
	case "true", "1", "yes", "y", "t":
		value = true
	case "false", "0", "no", "n", "f":
	default:
		return nil
	}
	return &value
}
