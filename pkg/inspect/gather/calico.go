package gather

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// groupCRD is the first of the two API groups that Calico keeps its objects in: crd.projectcalico.org/v1, or, natively, in
// projectcalico.org/v3. The latter may also be an aggregated API server in front of the former, which then does not
// serve the IPAM blocks.
func groupCRD() schema.GroupVersion {
	return schema.GroupVersion{Group: "crd.projectcalico.org", Version: "v1"}
}

// groupNative is the other of the two groups; see groupCRD.
func groupNative() schema.GroupVersion {
	return schema.GroupVersion{Group: "projectcalico.org", Version: "v3"}
}

// groupMigration is the group of the object that migrates a cluster from one group to the other.
const groupMigration = "migration.projectcalico.org"

// errNoCalico says that the cluster serves no objects of Calico.
var errNoCalico = errors.New("the cluster has no Calico API: neither crd.projectcalico.org/v1 nor projectcalico.org/v3")

// calicoAPI is the group and version in which Calico's objects are to be read.
type calicoAPI struct{ schema.GroupVersion }

// String returns "group/version", or nothing when there is none.
func (a calicoAPI) String() string {
	if a.Empty() {
		return ""
	}
	return a.GroupVersion.String()
}

// detectCalico finds out where the objects are, as Calico itself does (libcalico-go/lib/backend/k8s/discovery.go):
// native objects count once the old group is gone, or once Calico reads them during a migration.
func detectCalico(ctx context.Context, c Clients) (calicoAPI, error) {
	crd, err := serves(ctx, c, groupCRD(), "ippools")
	if err != nil {
		return calicoAPI{}, err
	}
	native, err := serves(ctx, c, groupNative(), "ippools")
	if crd && apierrors.IsServiceUnavailable(err) {
		err = nil // the aggregated API server is down; the other group does not need it
	}
	if err != nil {
		return calicoAPI{}, err
	}
	switch {
	case !crd && !native:
		return calicoAPI{}, errNoCalico
	case !crd:
		return calicoAPI{groupNative()}, nil
	case !native:
		return calicoAPI{groupCRD()}, nil
	}
	if blocks, err := serves(ctx, c, groupNative(), "ipamblocks"); err != nil || !blocks || !migrated(ctx, c) {
		return calicoAPI{groupCRD()}, nil //nolint:nilerr // without an answer, the default stays
	}
	return calicoAPI{groupNative()}, nil
}

// serves reports whether the server has a resource. The answer of an overloaded server proves nothing, so serves asks
// again (see access.Retry) before it returns an error.
func serves(ctx context.Context, c Clients, gv schema.GroupVersion, resource string) (bool, error) {
	var list *metav1.APIResourceList
	err := access.Retry(ctx, access.DefaultPause, func() (err error) {
		list, err = discoverer(c).ServerResourcesForGroupVersionWithContext(ctx, gv.String())
		if err != nil && !isTransient(err) {
			return access.Permanent(err)
		}
		return err
	})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot discover %s: %w", gv, err)
	}
	for _, r := range list.APIResources {
		if r.Name == resource {
			return true, nil
		}
	}
	return false, nil
}

// isTransient reports whether a server that gives this error may answer in a moment: 429, 500, 502, 503 or 504.
func isTransient(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	code := status.Status().Code
	return code == http.StatusTooManyRequests || code >= http.StatusInternalServerError
}

// discoverer returns the discovery client in its interruptible form.
func discoverer(c Clients) discovery.DiscoveryInterfaceWithContext {
	return discovery.ToDiscoveryInterfaceWithContext(c.Kubernetes.Discovery())
}

// migrated reports whether a migration between the groups has reached the point where Calico reads native objects.
func migrated(ctx context.Context, c Clients) bool {
	groups, err := discoverer(c).ServerGroupsWithContext(ctx)
	if err != nil {
		return false
	}
	for _, g := range groups.Groups {
		if g.Name != groupMigration {
			continue
		}
		resource := schema.GroupVersionResource{
			Group: g.Name, Version: g.PreferredVersion.Version, Resource: "datastoremigrations",
		}
		list, err := c.Dynamic.Resource(resource).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false
		}
		for _, item := range list.Items {
			phase, _, _ := unstructured.NestedString(item.Object, "status", "phase")
			if phase == "Converged" || phase == "Complete" {
				return true
			}
		}
	}
	return false
}

// eachObject hands on Calico's objects of a resource, one by one.
func (g *gatherer) eachObject(ctx context.Context, resource string, use func(*unstructured.Unstructured) error) error {
	api, err := g.calico(ctx)
	if err != nil {
		return err
	}
	list := g.cluster.Dynamic.Resource(api.WithResource(resource)).List
	return errorf("list", resource+"."+api.Group, "", eachItem(ctx, list, metav1.ListOptions{}, use))
}

func (g *gatherer) readPools(ctx context.Context) error {
	var pools []inspect.IPPool
	err := g.eachObject(ctx, "ippools", func(u *unstructured.Unstructured) error {
		if pool, ok := readPool(u); ok {
			pools = append(pools, pool)
		}
		return nil
	})
	if err != nil {
		return err
	}
	g.snap.Pools = pools
	return nil
}

func (g *gatherer) readBlocks(ctx context.Context) error {
	var blocks []inspect.IPAMBlock
	err := g.eachObject(ctx, "ipamblocks", func(u *unstructured.Unstructured) error {
		if block, ok := readBlock(u); ok {
			blocks = append(blocks, block)
		}
		return nil
	})
	if err != nil {
		return err
	}
	g.snap.Blocks = blocks
	return nil
}

// readVersion reads the version that Calico recorded itself, or else the tag of the running image.
func (g *gatherer) readVersion(ctx context.Context) error {
	var version string
	err := g.eachObject(ctx, "clusterinformations", func(u *unstructured.Unstructured) error {
		if u.GetName() == "default" {
			spec, _ := readSpec[v3.ClusterInformationSpec](u)
			version = spec.CalicoVersion
		}
		return nil
	})
	if version == "" && !errors.Is(err, errNoCalico) && (err == nil || !isFatal(ctx, err)) {
		if ds, dsErr := g.daemonSet(ctx); dsErr == nil && imageTag(ds) != "" {
			version, err = imageTag(ds), nil
		}
	}
	if err != nil {
		return err
	}
	g.snap.Calico.Version = version
	return nil
}
