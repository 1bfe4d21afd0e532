package nodes

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
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	return &inspect.Snapshot{Nodes: []inspect.Node{
		{
			Name: "dual-stack-worker", Ready: true, Roles: []string{"edge", "worker"},
			InternalIPs: []netip.Addr{addr("10.10.10.11"), addr("fd00:10:10::11")},
			Address:     inspect.ByFamily[netip.Prefix]{V4: prefix("10.10.10.11/24"), V6: prefix("fd00:10:10::11/64")},
			Tunnel: inspect.ByFamily[netip.Addr]{
				V4: addr("192.168.59.192"), V6: addr("fd00:10:244:1b38:1133:7e2c:be1e:4d00"),
			},
		},
		{Name: "windows-1", InternalIPs: []netip.Addr{addr("10.10.20.1")}},
	}, Tables: map[string]inspect.NodeTable{"dual-stack-worker": {Addresses: []inspect.LinkAddress{
		{Link: "eth1", Prefix: prefix("10.10.10.11/24"), Scope: "global"},
		{Link: "eth1", Prefix: prefix("fd00:10:10::11/64"), Scope: "global"},
		{Link: "eth1", Prefix: prefix("fe80::8e9:4cff:fe8e:5a6b/64"), Scope: "link"},
	}}}, Missing: []inspect.Missing{
		{Fact: inspect.FactTables, Node: "windows-1", Reason: "node windows-1: there is no way in"},
	}}
}

func TestRun(t *testing.T) {
	t.Setenv("KUBECONFIG", "/dev/null")
	for name, args := range map[string][]string{
		"default":   nil,
		"wide":      {"-o", "wide"},
		"wide-ipv6": {"-o", "wide", "--family", "ipv6"},
		"json":      {"-o", "json"},
		"addresses": {"-o", "json", "--addresses"},
		"name":      {"windows-1", "-o", "name"},
		"nothing":   {"-l", "no=such"},
	} {
		t.Run(name, func(t *testing.T) {
			streams, _, out, errOut := genericiooptions.NewTestIOStreams()
			flags := inspector.NewFlags(genericclioptions.NewConfigFlags(false), streams)
			cmd := Inspector().NewCmd(flags, func(ctx context.Context, o *inspector.Inspection) error {
				o.Source = gather.Recorded{Taken: snapshot()}
				return o.Run(ctx)
			})
			cmd.SetArgs(append([]string{}, args...))
			if err := cmd.ExecuteContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			testutil.Golden(t, name+".txt", append(out.Bytes(), errOut.Bytes()...))
		})
	}
}
