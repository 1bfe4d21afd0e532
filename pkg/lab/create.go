package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/cluster"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/steps"
)

// SwitchAuto takes the first kind of switch whose image is present.
const SwitchAuto = "auto"

// CreateOptions are the options for the creation of a lab.
type CreateOptions struct {
	Lab             spec.Lab // valid
	Switch          string   // SwitchAuto or the name of a kind (fabric.Names)
	SwitchImage     string   // empty: the one that the kind finds
	NodeImage       string
	ToolsImage      string        // of the multitool pods
	CalicoInstall   string        // InstallOperator or InstallManifest
	CalicoVersion   string        // empty: DefaultCalicoVersion, or what CalicoManifests holds
	CalicoManifests string        // folder or URL; empty: where Calico publishes them
	ImageArchives   []string      // files of docker save, loaded into every node
	Kubeconfig      string        // the file that gets the context
	Wait            time.Duration // 0: do not wait for the lab to become ready
	Retain          bool          // keep what was made when a step fails
	// Assumed reports whether the value of a flag of "lab create" is only the default. A repair replaces such values by those of
	// the lab's record. Nil: the user gave all values.
	Assumed func(flag string) bool
}

// The names of the steps, as they are shown.
const (
	stepSwitch  = "switch"
	stepNodes   = "nodes"
	stepFabric  = "fabric"
	stepBoot    = "switch ready"
	stepImages  = "images"
	stepCalico  = "Calico"
	stepTools   = "tools"
	stepContext = "kubeconfig"
	stepReady   = "ready"
)

// createdMark is a file on the control-plane node. It says that kind has finished its work on the cluster. A lab without it is
// half-built: kind cannot go on where it stopped.
const createdMark = "/kind/dualstack-created"

// Create makes a lab, or repairs one that exists: it starts stopped containers and makes lost cables and addresses again. When a
// step fails, or ctx ends, it removes what it made, unless Retain is set. It never removes a lab that is whole.
func (m *Manager) Create(ctx context.Context, o CreateOptions) (spec.Lab, error) {
	if err := m.ping(ctx); err != nil {
		return o.Lab, err
	}
	labs, err := m.scan(ctx)
	if err != nil {
		return o.Lab, err
	}
	f := labs[o.Lab.Name]
	if f != nil && f.image() != "" {
		// The lock comes first: create must not judge a lab that another command builds or removes.
		return o.Lab, m.exclusively(ctx, f.name, f.image(), forCreation, func(ctx context.Context) error { return m.create(ctx, o, nil) })
	}
	c, err := m.prepare(ctx, o, labs)
	if err != nil {
		return o.Lab, err
	}
	return o.Lab, m.exclusively(ctx, o.Lab.Name, o.NodeImage, forCreation, func(ctx context.Context) error { return m.create(ctx, o, c) })
}

// create makes or repairs a lab whose lock is held. c is what was prepared before the lock was taken, or nil.
func (m *Manager) create(ctx context.Context, o CreateOptions, c *creation) error {
	labs, err := m.scan(ctx)
	if err != nil {
		return err
	}
	f := labs[o.Lab.Name]
	if f != nil {
		complete, err := m.isComplete(ctx, f)
		if err != nil {
			return err
		}
		if complete {
			return m.repair(ctx, f, o)
		}
	}
	if c == nil {
		if c, err = m.prepare(ctx, o, labs); err != nil {
			return err
		}
	}
	if f != nil && !f.isStarting() {
		m.Progress.Infof("lab %q is half-built, from a creation that was interrupted: it is removed first", f.name)
		if err := m.remove(ctx, f, ""); err != nil {
			return err
		}
	}
	return c.plan().Run(ctx, m.Progress, o.Retain)
}

// creation is one run of Create.
type creation struct {
	*Manager
	opts     CreateOptions
	record   record.Record
	sw       fabric.Switch
	calico   manifests
	kindYAML string
}

// prepare does everything that can fail before anything is made.
func (m *Manager) prepare(ctx context.Context, o CreateOptions, labs map[string]*found) (*creation, error) {
	network, err := m.preflight(ctx, &o)
	calico, calicoErr := m.loadCalico(ctx, o)
	if err := errors.Join(err, calicoErr); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	if text := untested(calico.version, o.NodeImage); text != "" {
		m.Progress.Infof("%s", text)
	}
	kindYAML, err := render.Kind(o.Lab, true, refusesCgroupV1(o.NodeImage))
	if err != nil {
		return nil, err
	}
	_, statErr := os.Stat(o.Kubeconfig)
	c := &creation{Manager: m, opts: o, calico: calico, kindYAML: kindYAML, record: record.Record{
		Lab: o.Lab, Runtime: m.Runtime.Name(), Switch: o.Switch, SwitchImage: o.SwitchImage, NodeImage: o.NodeImage, ToolsImage: o.ToolsImage,
		CalicoInstall: o.CalicoInstall, CalicoVersion: calico.version, CalicoManifests: absolute(o.CalicoManifests), Kubeconfig: o.Kubeconfig,
		KubeconfigCreated: errors.Is(statErr, os.ErrNotExist), NetworkCreated: network == nil,
	}}
	for _, other := range labs { // the network is the labs' while at least one lab has existed at every moment since it was made
		c.record.NetworkCreated = c.record.NetworkCreated || other.record.NetworkCreated
	}
	c.sw, err = fabric.NewSwitch(o.Switch, m.Runtime, o.Lab, o.SwitchImage)
	return c, err
}

// absolute makes the name of a folder absolute. It leaves a URL and an empty name as they are.
func absolute(location string) string {
	if path, err := filepath.Abs(location); err == nil && location != "" && !strings.Contains(location, "://") {
		return path
	}
	return location
}

func (c *creation) plan() steps.Plan {
	plan := steps.Plan{
		{Name: stepSwitch, Do: c.createSwitch, Undo: c.undoSwitch},
		{Name: stepNodes, After: []string{stepSwitch}, Do: c.createNodes, Undo: c.undoNodes},
		{Name: stepFabric, After: []string{stepSwitch}, Do: c.connect},
	}
	plan, before := c.withImages(plan)
	return append(plan,
		steps.Step{Name: stepBoot, After: []string{stepFabric}, Do: c.waitSwitch},
		steps.Step{Name: stepCalico, After: []string{before}, Do: c.installCalico},
		steps.Step{Name: stepTools, After: []string{stepCalico}, Do: c.installTools},
		steps.Step{Name: stepReady, After: []string{stepNodes, stepBoot, stepTools}, Do: c.waitReady},
	)
}

// withImages adds the step that loads image archives, if there are any. It names the step that Calico has to follow.
func (c *creation) withImages(plan steps.Plan) (_ steps.Plan, before string) {
	if len(c.opts.ImageArchives) == 0 {
		return plan, stepFabric
	}
	return append(plan, steps.Step{Name: stepImages, After: []string{stepFabric}, Do: c.loadImages}), stepImages
}

func (c *creation) createSwitch(ctx context.Context, _ func(string)) error {
	return c.sw.Create(ctx, c.record)
}

func (c *creation) undoSwitch(ctx context.Context) error {
	labs, err := c.scan(ctx)
	if err != nil {
		return err
	}
	f := labs[c.opts.Lab.Name]
	if f == nil {
		f = &found{name: c.opts.Lab.Name}
	}
	f.record = c.record // the switch may not have been made, and with it the record
	return c.remove(ctx, f, "")
}

func (c *creation) createNodes(ctx context.Context, detail func(string)) error {
	err := c.kind().Create(ctx, cluster.Config{
		Name: c.opts.Lab.Name, YAML: c.kindYAML, Image: c.opts.NodeImage, Kubeconfig: c.opts.Kubeconfig, Retain: c.opts.Retain,
	}, detail)
	if err != nil {
		return err
	}
	_, err = c.Runtime.Exec(ctx, c.opts.Lab.Nodes()[0].Name, nil, "touch", createdMark)
	return err
}

func (c *creation) undoNodes(ctx context.Context) error {
	return c.kind().RemoveNodes(ctx, c.opts.Lab.Name)
}

// isComplete reports whether a lab was once built completely. Its containers may have been stopped since.
func (m *Manager) isComplete(ctx context.Context, f *found) (bool, error) {
	if f.sw == nil || len(f.nodes) != 1+f.record.Lab.Workers {
		return false, nil
	}
	first := f.record.Lab.Nodes()[0].Name
	return m.Runtime.HasFile(ctx, first, createdMark)
}

// containerPoll is the interval between looks at containers during a wait.
const containerPoll = 100 * time.Millisecond

// connect wires the nodes as soon as their containers run. kind is busy with them at that time: kubelet, which is told to
// use the addresses on the fabric, is started some seconds later.
func (c *creation) connect(ctx context.Context, detail func(string)) error {
	detail("waiting for the nodes' containers")
	if err := c.waitContainers(ctx); err != nil {
		return err
	}
	detail("cables and addresses")
	return c.wiring(c.record, c.sw).Connect(ctx)
}

func (c *creation) waitContainers(ctx context.Context) error {
	names := nodeNames(c.opts.Lab)
	return steps.Await(ctx, containerPoll, "the nodes' containers", func(ctx context.Context) (string, error) {
		found, err := c.Runtime.Inspect(ctx, names...)
		if err != nil {
			return "", err
		}
		found = slices.DeleteFunc(found, func(x container.Container) bool { return !x.State.Running })
		if len(found) < len(names) {
			return fmt.Sprintf("%d of %d run", len(found), len(names)), nil
		}
		return "", nil
	})
}

// loadImages loads the archives into the nodes. Their containers run already, and containerd starts in them.
func (c *creation) loadImages(ctx context.Context, detail func(string)) error {
	names := nodeNames(c.opts.Lab)
	wait, cancel := c.patience(ctx)
	defer cancel()
	err := steps.Await(wait, containerPoll, "containerd on the nodes", func(ctx context.Context) (string, error) {
		for _, name := range names {
			if _, err := c.Runtime.Exec(ctx, name, nil, "ctr", "version"); err != nil {
				return name + ": " + reason(err), nil
			}
		}
		return "", nil
	})
	if err != nil {
		return err
	}
	for _, a := range c.opts.ImageArchives {
		detail(a)
		if err := c.kind().LoadArchive(ctx, c.opts.Lab.Name, a); err != nil {
			return err
		}
	}
	return nil
}

// waitSwitch waits for the switch to forward. A Linux one does at once, cEOS takes a minute or two to boot.
func (c *creation) waitSwitch(ctx context.Context, detail func(string)) error {
	ctx, cancel := c.patience(ctx)
	defer cancel()
	return steps.Await(ctx, containerPoll, "the switch", func(ctx context.Context) (string, error) {
		err := c.sw.Ready(ctx)
		if err == nil {
			return "", nil
		}
		detail(err.Error())
		return err.Error(), nil
	})
}

// api waits until the API server answers and returns what asks the cluster, and what installs on it.
func (c *creation) api(ctx context.Context, detail func(string)) (*cluster.Checker, *cluster.Installer, error) {
	detail("waiting for the API server")
	ctx, cancel := c.patience(ctx)
	defer cancel()
	var config *rest.Config
	err := steps.Await(ctx, containerPoll, "the administrator's kubeconfig", func(context.Context) (_ string, err error) {
		if config, err = c.kind().REST(c.opts.Lab.Name); err != nil {
			return err.Error(), nil // kubeadm has not written it yet
		}
		return "", nil
	})
	if err != nil {
		return nil, nil, err
	}
	checker, err := cluster.NewChecker(config)
	if err != nil {
		return nil, nil, err
	}
	i, err := cluster.NewInstaller(config)
	if err != nil {
		return nil, nil, err
	}
	return checker, i, i.WaitForAPI(ctx)
}

func (c *creation) installTools(ctx context.Context, detail func(string)) error {
	text, err := render.Tools(c.opts.Lab, c.opts.ToolsImage)
	if err != nil {
		return err
	}
	objects, err := render.Objects(text)
	if err != nil {
		return err
	}
	checker, i, err := c.api(ctx, detail)
	if err != nil {
		return err
	}
	if c.opts.Wait > 0 {
		// The kubelet retries a pod that comes before its node's Calico again and again, and that delays Calico itself.
		detail("waiting for Calico on every node")
		ctx, cancel := c.patience(ctx)
		defer cancel()
		if err := checker.WaitCalico(ctx, 1+c.opts.Lab.Workers, detail); err != nil {
			return err
		}
	}
	detail("creating them")
	return i.Create(ctx, objects)
}

// patience is a context for one wait, which lasts as long as --wait says at most.
func (c *creation) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.opts.Wait <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, c.opts.Wait, fmt.Errorf("not ready after %s (--wait)", c.opts.Wait))
}
