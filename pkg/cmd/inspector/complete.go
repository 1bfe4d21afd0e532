package inspector

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/metadata"
)

// Completions are asked for while somebody waits with a finger on TAB: no more names than one would read, and no longer
// than one would wait.
const (
	completionLimit   = 1000
	completionTimeout = 3 * time.Second
)

// CompleteNames completes the names of core objects ("pods", "services", "nodes", "namespaces") that are not on the
// command line yet. Errors complete nothing: there is no place to show them.
func CompleteNames(config *genericclioptions.ConfigFlags, resource string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		names := objectNames(cmd.Context(), config, resource)
		return without(names, args), cobra.ShellCompDirectiveNoFileComp
	}
}

func without(names, taken []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(taken, name) })
}

// objectNames lists the names of objects without the objects. It needs no discovery, which would take longer than the
// list.
func objectNames(ctx context.Context, config *genericclioptions.ConfigFlags, resource string) []string {
	rest, err := config.ToRESTConfig()
	if err != nil {
		return nil
	}
	client, err := metadata.NewForConfig(rest)
	if err != nil {
		return nil
	}
	var namespace string
	if resource == "pods" || resource == "services" {
		if namespace, _, err = config.ToRawKubeConfigLoader().Namespace(); err != nil {
			return nil
		}
	}
	if ctx == nil { // cobra completes some flags before it has a context
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	list, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: resource}).Namespace(namespace).
		List(ctx, metav1.ListOptions{Limit: completionLimit})
	if err != nil {
		return nil
	}
	names := make([]string, len(list.Items))
	for i := range list.Items {
		names[i] = list.Items[i].Name
	}
	return names
}

// CompleteGlobalFlags completes the values of kubectl's global flags that can be looked up.
func CompleteGlobalFlags(root *cobra.Command, config *genericclioptions.ConfigFlags) {
	registerCompletion(root, "namespace", CompleteNames(config, "namespaces"))
	for _, flag := range []string{"context", "cluster", "user"} {
		registerCompletion(root, flag,
			func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
				return kubeconfigNames(config, flag), cobra.ShellCompDirectiveNoFileComp
			})
	}
}

// kubeconfigNames lists what the kubeconfig files have of a kind, sorted.
func kubeconfigNames(config *genericclioptions.ConfigFlags, kind string) []string {
	raw, err := config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil
	}
	var names []string
	switch kind {
	case "context":
		names = keys(raw.Contexts)
	case "cluster":
		names = keys(raw.Clusters)
	case "user":
		names = keys(raw.AuthInfos)
	}
	return names
}

func keys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
