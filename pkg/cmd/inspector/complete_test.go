package inspector

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// TestHostileNames has an API server answer with names that no API server admits. Shells have run what was among their
// candidates, and terminals obey it.
func TestHostileNames(t *testing.T) {
	list := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"}}
	for _, name := range []string{"node-1", "node-$(touch x)", "node-`x`", "node-\x1b[31m", "node-\nnode-9", "node-\u202e", "node-2.example", "other"} {
		list.Items = append(list.Items, metav1.PartialObjectMetadata{
			TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"}, ObjectMeta: metav1.ObjectMeta{Name: name},
		})
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(list); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	t.Setenv("KUBECONFIG", "/dev/null")
	config := genericclioptions.NewConfigFlags(false)
	config.APIServer = &server.URL

	got, directive := (&Flags{Config: config}).CompleteNames("nodes")(&cobra.Command{}, nil, "node-")
	if want := []string{"node-1", "node-2.example"}; !slices.Equal(got, want) || directive != cobra.ShellCompDirectiveNoFileComp {
		t.Errorf("got %q and %v, want %q", got, directive, want)
	}
	if got, _ := (&Flags{Config: config}).CompleteNames("nodes")(&cobra.Command{}, []string{"node-1"}, ""); slices.Contains(got, "node-1") {
		t.Errorf("got %q, with what is on the line already", got)
	}
}
