package gather

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// poolSpec is an IPPool's spec, with the fields that the newest published version of Calico's API module lacks.
type poolSpec struct {
	v3.IPPoolSpec
	AssignmentMode string `json:"assignmentMode"` // Automatic or Manual; since v3.30
}

// felixSpec is a FelixConfiguration's spec, with the fields that the newest published version of Calico's API module lacks.
type felixSpec struct {
	v3.FelixConfigurationSpec
	NFTablesMode string `json:"nftablesMode"` // Disabled, Enabled or Auto; since v3.29
	NodeSelector string `json:"nodeSelector"` // since v3.32

	ProgramClusterRoutes string `json:"programClusterRoutes"` // since v3.31
}

// blockSpec is an IPAMBlock's spec as far as we use it. IPAM's own kinds are not in Calico's API module
// (libcalico-go/lib/backend/model/block.go). Allocations has an entry for each address of the block: null for a free one,
// else the index of its attributes.
type blockSpec struct {
	CIDR        string  `json:"cidr"`
	Affinity    *string `json:"affinity"`
	Deleted     bool    `json:"deleted"`
	Allocations []*int  `json:"allocations"`
	Attributes  []struct {
		Handle    *string           `json:"handle_id"`
		Secondary map[string]string `json:"secondary"`
	} `json:"attributes"`
}

// readSpec decodes the spec of an object of Calico, and reports whether that was possible. Calico's newer versions add
// fields, which are ignored, and may change the type of others: only a field in used makes the object unreadable.
func readSpec[T any](u *unstructured.Unstructured, used ...string) (T, bool) {
	var none T
	spec, ok := u.Object["spec"].(map[string]any)
	if !ok {
		return none, u.Object["spec"] == nil
	}
	spec = maps.Clone(spec)
	for {
		data, err := json.Marshal(spec)
		if err != nil {
			return none, false
		}
		var into T
		err = json.Unmarshal(data, &into)
		var mistyped *json.UnmarshalTypeError
		if !errors.As(err, &mistyped) {
			// Any other error is from a field with its own syntax, such as a port: the rest has been decoded.
			return into, true
		}
		field := topField(mistyped.Field, spec)
		if field == "" || slices.Contains(used, field) {
			return none, false
		}
		delete(spec, field)
	}
}

// topField returns the top key of a field's path in a spec. The path may begin with embedded structs.
func topField(path string, spec map[string]any) string {
	for key := range strings.SplitSeq(path, ".") {
		if _, ok := spec[key]; ok {
			return key
		}
	}
	return ""
}
