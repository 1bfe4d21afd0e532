// Package gather fills a Snapshot with the objects of a Cluster's API server and the kernel tables of its nodes.
// Recorded facts answer the same requests.
//
// It judges nothing. A fact that the caller may not read, or that the cluster does not have, goes into the Snapshot's
// Missing; the rest is still read.
package gather

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Request says what to gather.
type Request struct {
	Facts []inspect.Fact
	// Namespace narrows pods, services and endpoint slices to one namespace; empty is all of them.
	Namespace string
	// Node narrows pods to those of one node; empty is all of them.
	Node string
	// Subject is the fact that the caller needs: an error in reading it is Gather's error, not a gap. Names and Selector
	// narrow only the Subject, which is then nodes, pods or services.
	Subject  inspect.Fact
	Names    []string // a name that does not exist is an error
	Selector string   // a label selector
	// Progress is called at each change, by one goroutine at a time, while a Cluster is read; nil: nobody asks.
	Progress func(Progress)
}

// Snapshot implements Source. It reads all facts at once. If the subject is refused, it still reads the rest, so that
// the user learns of all missing permissions at once. A lost connection is an error.
func (c *Cluster) Snapshot(ctx context.Context, req Request) (*inspect.Snapshot, error) {
	g := newGatherer(c, req)
	var refused error
	group, ctx := errgroup.WithContext(ctx)
	for _, fact := range req.Facts {
		read := g.reader(fact)
		if read == nil {
			continue
		}
		group.Go(func() error {
			err := read(ctx)
			g.progress.done(fact)
			switch {
			case err == nil:
			case isFatal(ctx, err), errors.As(err, new(noSuchNodeError)):
				return err
			case fact == req.Subject && apierrors.IsForbidden(err):
				refused = err
			case fact == req.Subject:
				return err
			default:
				g.miss(fact, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if refused == nil && g.gaveNothing() {
		return nil, errors.New("the server has neither nodes nor services nor anything else that was asked for: is it a Kubernetes API server?")
	}
	slices.SortStableFunc(g.snap.Missing, func(a, b inspect.Missing) int { return cmp.Compare(a.Fact, b.Fact) })
	return g.snap, refused
}

// gaveNothing reports whether a server that was asked for everything returned nothing: only "not found" and empty
// lists. Every cluster has at least the service kubernetes.
func (g *gatherer) gaveNothing() bool {
	s, r := g.snap, g.req
	asked := slices.Contains(r.Facts, inspect.FactNodes) && slices.Contains(r.Facts, inspect.FactServices) &&
		r.Namespace == "" && r.Node == "" && len(r.Names) == 0 && r.Selector == ""
	return asked && !g.failed && s.Lab == (inspect.Lab{}) && s.Calico.Version == "" &&
		len(s.Nodes)+len(s.Pods)+len(s.Services)+len(s.EndpointSlices)+len(s.Pools)+len(s.Blocks)+len(s.Calico.Felix) == 0
}

// gatherer is one run of Cluster.Snapshot. Each reader of a fact writes to its own fields of the Snapshot; only Missing
// has several writers.
type gatherer struct {
	cluster  *Cluster
	req      Request
	progress *tracker

	mu     sync.Mutex
	snap   *inspect.Snapshot
	failed bool // the server refused a fact, or failed, other than because it does not have it

	// Inputs of several facts are read once, by the first reader.
	calico    func(context.Context) (calicoAPI, error)
	daemonSet func(context.Context) (*appsv1.DaemonSet, error)
	nodes     func(context.Context) ([]inspect.Node, error)
}

func newGatherer(cluster *Cluster, req Request) *gatherer {
	g := &gatherer{cluster: cluster, req: req, progress: newTracker(req), snap: &inspect.Snapshot{Gathered: slices.Clone(req.Facts)}}
	g.calico = once(func(ctx context.Context) (calicoAPI, error) {
		api, err := detectCalico(ctx, cluster.Clients)
		g.snap.Calico.APIGroup = api.String()
		return api, err
	})
	g.daemonSet = once(func(ctx context.Context) (*appsv1.DaemonSet, error) {
		return calicoNode(ctx, cluster.Kubernetes)
	})
	g.nodes = once(g.listNodes)
	return g
}

// once makes a function run only once. Unlike sync.OnceValues it passes on the context of the first caller.
func once[T any](f func(context.Context) (T, error)) func(context.Context) (T, error) {
	var do sync.Once
	var value T
	var err error
	return func(ctx context.Context) (T, error) {
		do.Do(func() { value, err = f(ctx) })
		return value, err
	}
}

// reader returns the function that reads a fact, or nil for an unknown fact.
func (g *gatherer) reader(fact inspect.Fact) func(context.Context) error {
	return map[inspect.Fact]func(context.Context) error{
		inspect.FactNodes:          g.readNodes,
		inspect.FactPods:           g.readPods,
		inspect.FactServices:       g.readServices,
		inspect.FactEndpointSlices: g.readEndpointSlices,
		inspect.FactPools:          g.readPools,
		inspect.FactBlocks:         g.readBlocks,
		inspect.FactFelix:          g.readFelix,
		inspect.FactBGP:            g.readBGP,
		inspect.FactBGPPeers:       g.readBGPPeers,
		inspect.FactVersion:        g.readVersion,
		inspect.FactLab:            g.readLab,
		inspect.FactTables:         g.readTables,
		inspect.FactServiceCIDRs:   g.readServiceCIDRs,
		inspect.FactKubeadm:        g.readKubeadm,
		inspect.FactKubeProxy:      g.readKubeProxy,
		inspect.FactCoreDNS:        g.readCoreDNS,
		inspect.FactEvents:         g.readEvents,
		inspect.FactPolicies:       g.readPolicies,
		inspect.FactCalicoNode:     g.readCalicoNode,
		inspect.FactCNI:            g.readCNI,
		inspect.FactIPAMConfig:     g.readIPAMConfig,
		inspect.FactOperator:       g.readOperator,
	}[fact]
}

// miss notes why a fact could not be read, each of several reasons separately.
func (g *gatherer) miss(fact inspect.Fact, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, err := range parts(err) {
		g.failed = g.failed || errors.As(err, new(apierrors.APIStatus)) && !apierrors.IsNotFound(err)
		absent := apierrors.IsNotFound(err) || errors.Is(err, errNoCalico)
		g.snap.Missing = append(g.snap.Missing, inspect.Missing{Fact: fact, Reason: reason(err), Absent: absent})
	}
}

// subject returns the names and the selector that narrow a fact.
func (r Request) subject(fact inspect.Fact) (names []string, selector string) {
	if r.Subject != fact {
		return nil, ""
	}
	return r.Names, r.Selector
}

// errorf wraps an error of the API with what was being read. Every reader uses it, so that a gap names the resource.
func errorf(verb, resource, namespace string, err error) error {
	if err == nil {
		return nil
	}
	if namespace != "" {
		return fmt.Errorf("cannot %s %s in namespace %q: %w", verb, resource, namespace, err)
	}
	return fmt.Errorf("cannot %s %s: %w", verb, resource, err)
}
