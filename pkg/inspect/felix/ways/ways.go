// Package ways lists the verified ways for packets to travel, one line for each.
package ways

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix/clusterroutes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix/vxlan"
)

// New reads the API facts of a snapshot, and knows all ways of travel.
func New(s *inspect.Snapshot) *felix.Cluster {
	return felix.New(s,
		vxlan.New,
		clusterroutes.Plain,
		clusterroutes.IPIP,
	)
}
