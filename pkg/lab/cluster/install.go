package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/steps"
)

// pollInterval is the interval between looks at a condition of the cluster.
const pollInterval = 250 * time.Millisecond

// createConcurrency is how many objects are created at once.
const createConcurrency = 6

// Installer creates objects on a cluster.
type Installer struct {
	client dynamic.Interface
	mapper *restmapper.DeferredDiscoveryRESTMapper
}

// definitions returns the client for custom resource definitions.
func (i *Installer) definitions() dynamic.ResourceInterface {
	return i.client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
}

// NewInstaller returns an Installer for the cluster that c leads to.
func NewInstaller(c *rest.Config) (*Installer, error) {
	client, err := dynamic.NewForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	disco, err := discovery.NewDiscoveryClientForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	return &Installer{client: client, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))}, nil
}

// WaitForAPI returns once the API server answers and lets its administrator in: kubeadm starts it some seconds before it
// gives the administrator any rights.
func (i *Installer) WaitForAPI(ctx context.Context) error {
	return steps.Await(ctx, pollInterval, "the API server to answer", func(ctx context.Context) (string, error) {
		if _, err := i.definitions().List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
			return err.Error(), nil
		}
		return "", nil
	})
}

// Create creates the missing objects and leaves existing ones as they are: somebody may have changed them on purpose.
// Namespaces and definitions come first, and everything else once those are served.
func (i *Installer) Create(ctx context.Context, objects []*unstructured.Unstructured) error {
	first, rest := split(objects)
	if err := i.createAll(ctx, first); err != nil {
		return err
	}
	for _, o := range first {
		if o.GetKind() == "CustomResourceDefinition" {
			if err := i.waitEstablished(ctx, o.GetName()); err != nil {
				return err
			}
		}
	}
	if len(first) > 0 {
		i.mapper.Reset()
	}
	return i.createAll(ctx, rest)
}

// split separates the objects that others depend on.
func split(objects []*unstructured.Unstructured) (first, rest []*unstructured.Unstructured) {
	for _, o := range objects {
		if k := o.GetKind(); k == "CustomResourceDefinition" || k == "Namespace" {
			first = append(first, o)
		} else {
			rest = append(rest, o)
		}
	}
	return first, rest
}

func (i *Installer) createAll(ctx context.Context, objects []*unstructured.Unstructured) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(createConcurrency)
	for _, o := range objects {
		g.Go(func() error { return i.create(gctx, o) })
	}
	return g.Wait()
}

func (i *Installer) create(ctx context.Context, o *unstructured.Unstructured) error {
	what := fmt.Sprintf("create %s %s", o.GetKind(), o.GetName())
	mapping, err := i.serves(ctx, o)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if gvk := mapping.GroupVersionKind; gvk != o.GroupVersionKind() {
		o = o.DeepCopy()
		o.SetGroupVersionKind(gvk)
	}
	var r dynamic.ResourceInterface = i.client.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		r = i.client.Resource(mapping.Resource).Namespace(o.GetNamespace())
	}
	err = insist(ctx, func(ctx context.Context) error {
		_, err := r.Create(ctx, o, metav1.CreateOptions{FieldManager: "kubectl-dualstack"})
		return err
	})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// insist makes a request again for as long as the API server may accept it a moment later: one that has just started does not
// accept everything yet.
func insist(ctx context.Context, request func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		err := request(ctx)
		if transient(err) {
			last = err
			return false, nil
		}
		return true, err
	})
	if err != nil && ctx.Err() != nil && last != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), last)
	}
	return err
}

// servedPatience is how long a kind may be missing among those that the API server serves. One that has just started serves the kinds
// of definitions some seconds after its own, although the definitions say that they are established.
const servedPatience = 30 * time.Second

// serves finds the resource of an object. Calico keeps its own in crd.projectcalico.org, or natively in projectcalico.org: new
// installations do so from v3.33 on. What the cluster serves counts.
func (i *Installer) serves(ctx context.Context, o *unstructured.Unstructured) (mapping *meta.RESTMapping, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, servedPatience, fmt.Errorf("not served after %s", servedPatience))
	defer cancel()
	err = insist(ctx, func(context.Context) (err error) {
		if mapping, err = i.mapping(o.GroupVersionKind()); err != nil {
			i.mapper.Reset()
		}
		return err
	})
	return mapping, err
}

func (i *Installer) mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	mapping, err := i.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) && gvk.Group == calico.CRDGroup {
		if native, nativeErr := i.mapper.RESTMapping(schema.GroupKind{Group: "projectcalico.org", Kind: gvk.Kind}, "v3"); nativeErr == nil {
			return native, nil
		}
	}
	return mapping, err
}

// CreatePools creates the pools of each family that has none.
func (i *Installer) CreatePools(ctx context.Context, pools []*unstructured.Unstructured) error {
	if len(pools) == 0 {
		return nil
	}
	mapping, err := i.serves(ctx, pools[0])
	if err != nil {
		return fmt.Errorf("find Calico's pools: %w", err)
	}
	var there *unstructured.UnstructuredList
	err = insist(ctx, func(ctx context.Context) (err error) {
		there, err = i.client.Resource(mapping.Resource).List(ctx, metav1.ListOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("list Calico's pools: %w", err)
	}
	has := map[bool]bool{}
	for j := range there.Items {
		has[isIPv6(&there.Items[j])] = true
	}
	var missing []*unstructured.Unstructured
	for _, p := range pools {
		if !has[isIPv6(p)] {
			missing = append(missing, p)
		}
	}
	return i.createAll(ctx, missing)
}

func isIPv6(pool *unstructured.Unstructured) bool {
	cidr, _, _ := unstructured.NestedString(pool.Object, "spec", "cidr")
	return strings.Contains(cidr, ":")
}

// transient reports whether the API server may accept the same request a moment later.
func transient(err error) bool {
	return meta.IsNoMatchError(err) || apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) ||
		apierrors.IsInternalError(err) || apierrors.IsTimeout(err)
}

func (i *Installer) waitEstablished(ctx context.Context, name string) error {
	return steps.Await(ctx, pollInterval, "definition "+name, func(ctx context.Context) (string, error) {
		o, err := i.definitions().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err.Error(), nil
		}
		conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
		established := slices.ContainsFunc(conditions, func(c any) bool {
			m, ok := c.(map[string]any)
			return ok && m["type"] == "Established" && m["status"] == "True"
		})
		if !established {
			return "not established", nil
		}
		return "", nil
	})
}
