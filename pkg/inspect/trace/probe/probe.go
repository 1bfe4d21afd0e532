package probe

import (
	"context"
	_ "embed" // for the script
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather/nodetables"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// DefaultImage is the image of ephemeral containers: the lab's tools.
const DefaultImage = "wbitt/network-multitool:alpine-extra"

const (
	lanes      = 32               // how many probes run at once in a pod
	keepOutput = 8 << 10          // how many bytes of the output of each come back
	margin     = 20 * time.Second // for starting all of that on a busy node
	maxOutput  = 64 << 10         // how much an exec may print, beside what its probes may
)

// Options say how a Prober works. The zero value works except for nodes.
type Options struct {
	// Ways lead into the nodes, in the order in which they are tried.
	Ways []access.Way
	// Namespace is where a pod on the network of a node runs, for probes from the node.
	Namespace string
	// Image is the image of ephemeral containers and of such pods, with sh and tools; empty is DefaultImage.
	Image string
	// Concurrency is how many pods and nodes are entered at once; 0 is nodetables.DefaultConcurrency.
	Concurrency int
	// Note, if not nil, is told of each addition to a pod beforehand. It is called from several goroutines.
	Note func(string)
	// Silence has the nodes whose kubelet does not answer: nothing is tried in their pods. It may be nil.
	Silence *access.Silence
	// Pause is the time before the second attempt at an exec, doubled for each further one; 0 is a fifth of a second.
	Pause time.Duration
}

// Prober is the way into a live cluster. It needs the permission to create pods/exec, for pods without tools to patch
// pods/ephemeralcontainers and to get pods, and for nodes the permissions of the ways into them; to probe from a node, those of
// access.Debug.
type Prober struct {
	stream  access.Stream
	guests  *guests
	hosts   *hosts
	opts    Options
	slots   chan struct{} // one for each exec that is under way
	newMark func() string

	mu     sync.Mutex
	places map[string]access.Container // by pod: the container that could run probes
}

var _ trace.Prober = (*Prober)(nil)

// New returns the prober of a cluster.
func New(config *rest.Config, client kubernetes.Interface, opts Options) *Prober {
	return newProber(access.Remote(config, client), client, opts)
}

func newProber(stream access.Stream, client kubernetes.Interface, opts Options) *Prober {
	if opts.Image == "" {
		opts.Image = DefaultImage
	}
	if opts.Concurrency <= 0 {
		opts.Concurrency = nodetables.DefaultConcurrency
	}
	if opts.Pause <= 0 {
		opts.Pause = access.DefaultPause
	}
	if opts.Silence == nil {
		opts.Silence = &access.Silence{}
	}
	return &Prober{
		stream: stream, guests: newGuests(client, stream, opts), hosts: newHosts(client, stream, opts), opts: opts,
		slots: make(chan struct{}, opts.Concurrency), newMark: randomMark, places: map[string]access.Container{},
	}
}

// Probe implements trace.Prober.
func (p *Prober) Probe(ctx context.Context, source inspect.Pod, probes []trace.Probe) ([]trace.Result, error) {
	results := make([]trace.Result, len(probes))
	var jobs []job
	var of []int // the index of each job's probe
	for i, probe := range probes {
		j, err := newJob(probe)
		if err != nil {
			results[i].Failed = access.WithoutQueries(err.Error())
			continue
		}
		jobs, of = append(jobs, j), append(of, i)
	}
	if len(jobs) == 0 {
		return results, nil
	}
	outcomes, err := p.run(ctx, source, jobs)
	if err != nil {
		return nil, p.opts.Silence.Note(source.Node, err)
	}
	for i, o := range outcomes {
		results[of[i]] = result(probes[of[i]], &o)
	}
	return results, nil
}

// run runs jobs in a pod: in the first of its containers that has the tools, or if none has them in an ephemeral container. A
// job that never ran has an unsettled outcome.
func (p *Prober) run(ctx context.Context, pod inspect.Pod, jobs []job) ([]outcome, error) {
	if err := p.opts.Silence.Of(pod.Node); err != nil {
		return nil, err
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	all := make([]outcome, len(jobs))
	todo := indices(len(jobs))
	if trace.IsNode(pod) {
		c, err := p.hosts.on(ctx, pod.Node)
		if err == nil {
			err = p.enter(ctx, c, jobs, todo, all)
		}
		if err != nil && !someSettled(all) {
			return nil, err
		}
		return all, nil
	}
	for _, c := range p.containers(pod) {
		err := p.enter(ctx, c, jobs, todo, all)
		switch {
		case access.IsNoSuchCommand(err):
			continue
		case err != nil && !someSettled(all):
			return nil, err
		}
		left := slices.DeleteFunc(slices.Clone(todo), func(i int) bool { return !all[i].none })
		if len(left) < len(todo) {
			p.remember(pod, c)
		}
		if todo = left; len(todo) == 0 || err != nil {
			return all, nil
		}
	}
	if len(todo) < len(jobs) {
		return all, nil
	}
	return all, p.runInGuest(ctx, pod, jobs, all)
}

// runInGuest runs all jobs in an ephemeral container.
func (p *Prober) runInGuest(ctx context.Context, pod inspect.Pod, jobs []job, all []outcome) error {
	c, err := p.guests.in(ctx, pod)
	if err != nil {
		return err
	}
	clear(all)
	if err := p.enter(ctx, c, jobs, indices(len(jobs)), all); err != nil && !someSettled(all) {
		return err
	}
	p.remember(pod, c)
	return nil
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func someSettled(all []outcome) bool {
	return slices.ContainsFunc(all, func(o outcome) bool { return o.settled() && !o.none })
}

// containers are those to try: the one known to have tools, or all of the pod's.
func (p *Prober) containers(pod inspect.Pod) []access.Container {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.places[key(pod)]; ok {
		return []access.Container{c}
	}
	names := pod.Containers
	if len(names) == 0 {
		names = []string{""} // the server's choice
	}
	all := make([]access.Container, 0, len(names))
	for _, name := range names {
		all = append(all, access.Container{Namespace: pod.Namespace, Pod: pod.Name, Name: name})
	}
	return all
}

func (p *Prober) remember(pod inspect.Pod, c access.Container) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.places[key(pod)] = c
}

func key(pod inspect.Pod) string { return pod.Namespace + "/" + pod.Name + "/" + pod.UID }

// enter runs the jobs in todo in a container and keeps their outcomes in all. It tries unsettled jobs again, and fails if
// some stay unsettled.
func (p *Prober) enter(ctx context.Context, c access.Container, jobs []job, todo []int, all []outcome) error {
	return access.Retry(ctx, p.opts.Pause, func() error {
		todo = slices.DeleteFunc(slices.Clone(todo), func(i int) bool { return all[i].settled() && !all[i].none })
		mark := p.newMark()
		limits := access.Limits{Timeout: limit(jobs, todo), Output: maxOutput + 2*keepOutput*len(todo), Greets: true}
		out, err := access.Output(ctx, p.stream, c, commandLine(mark, jobs, todo), limits)
		outcomes, complete := parseFrames(out, mark, len(jobs))
		settled := true
		for _, i := range todo {
			if outcomes[i].settled() || !all[i].settled() {
				all[i] = outcomes[i]
			}
			settled = settled && all[i].settled()
		}
		switch {
		case settled:
			return nil // even if the stream broke afterwards
		case err != nil:
			return err
		case complete:
			return fmt.Errorf("exec into pod %s: a probe printed nothing: %w", c, access.ErrInconclusive)
		default:
			return fmt.Errorf("exec into pod %s: output cut off after %d bytes: %w", c, len(out), access.ErrInconclusive)
		}
	})
}

// limit is how long the jobs may take together.
func limit(jobs []job, todo []int) time.Duration {
	longest := time.Duration(0)
	for _, i := range todo {
		longest = max(longest, jobs[i].budget)
	}
	rounds := (len(todo) + lanes - 1) / lanes
	return margin + time.Duration(rounds)*longest
}

//go:embed probe.sh
var source string

// script is probe.sh with the function seal.
func script() string { return strings.Replace(source, ": seal\n", access.SealShell, 1) }

// commandLine is the script with its words. It travels in the address of a request, so comments are left out.
func commandLine(mark string, jobs []job, todo []int) []string {
	text := regexp.MustCompile(`(?m)^\s*(#.*)?\n|^ +`).ReplaceAllString(script(), "")
	checks := make([]string, 0, len(todo))
	var words []string
	for _, i := range todo {
		checks = append(checks, string(jobs[i].check))
		words = append(words, jobs[i].words(i)...)
	}
	slices.Sort(checks)
	line := []string{"sh", "-c", "echo\n" + text, "dualstack",
		mark, strconv.Itoa(lanes), strconv.Itoa(keepOutput), strings.Join(slices.Compact(checks), " ")}
	return append(line, words...)
}
