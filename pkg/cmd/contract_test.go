package cmd

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/blocks"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/ippools"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/neighbors"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/nodes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/pods"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/services"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/vxlan"
)

// TestContract compares the kinds and keys of every inspector with those that users are promised.
func TestContract(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "output.md"))
	if err != nil {
		t.Fatal(err)
	}
	promised := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) == 4 && !strings.HasPrefix(cells[0], "-") && strings.TrimSpace(cells[0]) != "command" {
			keys := slices.Sorted(slices.Values(strings.Fields(cells[2] + cells[3])))
			promised[strings.TrimSpace(cells[0])] = append([]string{strings.TrimSpace(cells[1])}, keys...)
		}
	}
	printed := map[string][]string{}
	for inspector, row := range map[string]struct {
		kind string
		row  any
	}{
		"nodes": {nodes.Kind, nodes.Row{}}, "pods": {pods.Kind, pods.Row{}}, "services": {services.Kind, services.Row{}},
		"ippools": {ippools.Kind, ippools.Pool{}}, "blocks": {blocks.Kind, blocks.Block{}},
		"vxlan": {vxlan.Kind, vxlan.Device{}}, "routes": {routes.Kind, routes.Route{}},
		"neighbors": {neighbors.Kind, neighbors.Neighbor{}}, "fdb": {fdb.Kind, fdb.Entry{}},
	} {
		printed[inspector] = append([]string{row.kind}, slices.Sorted(slices.Values(jsonKeys(reflect.TypeOf(row.row))))...)
	}
	if diff := cmp.Diff(promised, printed); diff != "" {
		t.Errorf("docs/output.md (-), the program (+):\n%s", diff)
	}
}

// jsonKeys are the keys of a struct in JSON.
func jsonKeys(row reflect.Type) []string {
	var keys []string
	for i := range row.NumField() {
		if row.Field(i).Anonymous {
			keys = append(keys, jsonKeys(row.Field(i).Type)...)
		} else if key, _, _ := strings.Cut(row.Field(i).Tag.Get("json"), ","); key != "-" {
			keys = append(keys, key)
		}
	}
	return keys
}
