package cmd

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/blocks"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/fdb"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/ippools"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/neighbors"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/nodes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/pods"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/routes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/services"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/vxlan"
)

// Inspectors is the one list of inspectors, in the order of the help. The commands, their pages and completion, the tests
// of the JSON contract, of the demo and of permissions, and the tables of docs/output.md and docs/rbac.md range over it.
func Inspectors() []inspector.Inspector {
	return []inspector.Inspector{
		nodes.Inspector(),
		pods.Inspector(),
		services.Inspector(),
		ippools.Inspector(),
		blocks.Inspector(),
		vxlan.Inspector(),
		routes.Inspector(),
		neighbors.Inspector(),
		fdb.Inspector(),
		bgp.Inspector(),
	}
}
