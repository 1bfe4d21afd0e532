package services

import (
	"context"
	"net/netip"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
)

func snapshot() *inspect.Snapshot {
	addr := netip.MustParseAddr
	both := []inspect.Family{inspect.IPv4, inspect.IPv6}
	return &inspect.Snapshot{
		Services: []inspect.Service{
			{
				Namespace: "default", Name: "dual", Type: "NodePort", IPFamilyPolicy: "RequireDualStack", IPFamilies: both,
				ClusterIPs: []netip.Addr{addr("10.96.0.10"), addr("fd00:10:96::10")},
				Ports:      []inspect.ServicePort{{Protocol: "TCP", Port: 80, NodePort: 30080}, {Protocol: "UDP", Port: 53}},
			},
			{
				Namespace: "default", Name: "headless", Type: "ClusterIP", Headless: true, IPFamilyPolicy: "SingleStack",
				IPFamilies: both[1:],
			},
			{Namespace: "default", Name: "outside", Type: "ExternalName", ExternalName: "example.test"},
			{Namespace: "web", Name: "v4", Type: "ClusterIP", IPFamilies: both[:1], ClusterIPs: []netip.Addr{addr("10.96.0.9")}},
		},
		EndpointSlices: []inspect.EndpointSlice{
			{
				Namespace: "default", Service: "dual", Family: inspect.IPv6,
				Endpoints: []inspect.Endpoint{{Addresses: []netip.Addr{addr("fd00::1"), addr("fd00::2")}, Ready: true}},
			},
		},
	}
}

func TestRun(t *testing.T) {
	t.Setenv("KUBECONFIG", "/dev/null")
	for name, args := range map[string][]string{
		"all":     {"-A"},
		"ipv6":    {"--family", "ipv6"},
		"json":    {"dual", "outside", "-o", "json"},
		"nothing": {"-n", "empty"},
	} {
		t.Run(name, func(t *testing.T) {
			streams, _, out, errOut := genericiooptions.NewTestIOStreams()
			config := genericclioptions.NewConfigFlags(false)
			cmd := Inspector().NewCmd(inspector.NewFlags(config, streams), func(ctx context.Context, o *inspector.Inspection) error {
				o.Source = gather.Recorded{Taken: snapshot()}
				return o.Run(ctx)
			})
			config.AddFlags(cmd.Flags())
			cmd.SetArgs(args)
			if err := cmd.ExecuteContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			testutil.Golden(t, name+".txt", append(out.Bytes(), errOut.Bytes()...))
		})
	}
}
