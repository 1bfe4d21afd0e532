package nodetables

import (
	"context"
	"fmt"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/budget"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// linksScript prints only the devices: callers read their packet counters twice.
const linksScript = access.Preamble + `section link ip -j -s link show
` + access.Ending

// Links reads only the devices of the nodes with their packet counters. It works like Tables but takes a single dump,
// and does not read the details of a device (Kind, VXLAN).
func Links(
	ctx context.Context, ways []access.Way, nodes []string, opts Options,
) (map[string][]inspect.Link, []inspect.Missing) {
	return read(ctx, ways, nodes, opts, command[[]inspect.Link]{script: linksScript, parse: parseLinks})
}

func parseLinks(out []byte, left *budget.Budget) ([]inspect.Link, error) {
	sections, err := access.Sections(out)
	if err != nil {
		return nil, err
	}
	link := sections[sectionLink]
	if err := check(sectionLink, link); err != nil {
		return nil, err
	}
	p := newParser(left)
	if err := p.links(link.Out, 0); err != nil {
		return nil, fmt.Errorf("section %s: %w", sectionLink, err)
	}
	return p.table.Links, nil
}
