package inspector

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/metadata"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile/demo"
)

// The user waits for completions with a finger on TAB: no more names than users read, and no longer than they wait.
const (
	completionLimit   = 1000
	completionTimeout = 3 * time.Second
)

// CompletionContext bounds a completion in time. Cobra completes some flags before it has a context: nil is Background.
func CompletionContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx == nil {
		ctx = context.Background()
	}
	return context.WithTimeout(ctx, completionTimeout)
}

// CompleteNames completes the names of core objects ("pods", "services", "nodes", "namespaces") that are not on the
// command line yet. Errors complete nothing: there is no place to show them.
func (f *Flags) CompleteNames(resource string) cobra.CompletionFunc {
	return completeNames(func(ctx context.Context) []string { return f.Names(ctx, resource) })
}

// Names returns names of core objects, of a cluster or of a snapshot, and reads nothing else.
func (f *Flags) Names(ctx context.Context, resource string) []string {
	if f.Snapshot == "" {
		return objectNames(ctx, f.Config, resource)
	}
	s, err := f.recordedNames()
	if err != nil {
		return nil
	}
	namespace, _, err := f.Config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil
	}
	var names []string
	switch resource {
	case "nodes":
		for i := range s.Nodes {
			names = append(names, s.Nodes[i].Name)
		}
	case "pods":
		for i := range s.Pods {
			if s.Pods[i].Namespace == namespace {
				names = append(names, s.Pods[i].Name)
			}
		}
	case "services":
		for i := range s.Services {
			if s.Services[i].Namespace == namespace {
				names = append(names, s.Services[i].Name)
			}
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return len(validation.IsDNS1123Subdomain(name)) > 0 })
}

// recordedNames reads only names from a snapshot. The file may come from somebody else.
func (f *Flags) recordedNames() (*inspect.Snapshot, error) {
	if f.Snapshot == Demo {
		return demo.Snapshot()
	}
	if info, err := os.Stat(f.Snapshot); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", f.Snapshot) // standard input, or a pipe that may never have a writer
	}
	file, err := os.Open(f.Snapshot)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return snapfile.Names(file, completionLimit)
}

func completeNames(all func(context.Context) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		names := all(cmd.Context())
		return slices.DeleteFunc(names, func(name string) bool {
			return !strings.HasPrefix(name, typed) || slices.Contains(args, name)
		}), cobra.ShellCompDirectiveNoFileComp
	}
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
	ctx, cancel := CompletionContext(ctx)
	defer cancel()
	list, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: resource}).Namespace(namespace).
		List(ctx, metav1.ListOptions{Limit: completionLimit})
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(list.Items))
	for i := range list.Items {
		// A name that no API server admits is an attack, see command.WriteCandidates.
		if name := list.Items[i].Name; len(validation.IsDNS1123Subdomain(name)) == 0 {
			names = append(names, name)
		}
	}
	return names
}

// completeSnapshot completes the name of the recording and the names of files. A shell looks for files by itself only
// if we offer nothing.
func completeSnapshot(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if !strings.HasPrefix(Demo, typed) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	completions := []cobra.Completion{cobra.CompletionWithDesc(Demo, "the recording of a lab")}
	files, err := filepath.Glob(typed + "*") // the typed text is a part of "demo"
	if err != nil {
		return completions, cobra.ShellCompDirectiveNoFileComp
	}
	for _, file := range files {
		switch info, err := os.Stat(file); {
		case err != nil || file == Demo || strings.ContainsFunc(file, unicode.IsControl):
		case strings.HasPrefix(file, ".") && typed == "":
		case info.IsDir():
			completions = append(completions, file+string(filepath.Separator))
		default:
			completions = append(completions, file)
		}
	}
	return completions, cobra.ShellCompDirectiveNoFileComp
}

// CompleteGlobalFlags completes the values of kubectl's global flags that can be looked up.
func CompleteGlobalFlags(root *cobra.Command, config *genericclioptions.ConfigFlags) {
	command.CompleteFlag(root, "namespace", completeNames(func(ctx context.Context) []string {
		return objectNames(ctx, config, "namespaces")
	}))
	for _, flag := range []string{"context", "cluster", "user"} {
		command.CompleteFlag(root, flag,
			func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
				return kubeconfigNames(config, flag), cobra.ShellCompDirectiveNoFileComp
			})
	}
}

// kubeconfigNames lists the names of a kind in the kubeconfig files, sorted.
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
