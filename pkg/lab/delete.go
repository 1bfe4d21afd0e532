package lab

import (
	"context"
	"errors"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
)

// ErrNoLab says that no lab has the given name.
var ErrNoLab = errors.New("no such lab")

// Delete removes a lab, whole or half-built: its containers, its entries in the kubeconfig that it wrote to (or in kubeconfig,
// if given), and Docker's network "kind" if the lab brought it and it is no longer in use. It needs no answer from the
// cluster. Without such a lab the error is ErrNoLab.
func (m *Manager) Delete(ctx context.Context, name, kubeconfig string) error {
	f, err := m.find(ctx, name)
	if err != nil {
		return err
	}
	step := m.Progress.Start(fmt.Sprintf("delete lab %q", name))
	err = m.exclusively(ctx, name, f.image(), forDeletion, func(ctx context.Context) error {
		now, err := m.find(ctx, name)
		if err != nil {
			return err
		}
		return m.remove(ctx, now, kubeconfig)
	})
	if errors.Is(err, errNoLock) { // its image may be gone: the rest is removed all the same
		err = m.remove(ctx, f, kubeconfig)
	}
	return step.Done(err)
}

// remove removes what was found. The switch's container goes last: if anything before it fails, the lab can be found again.
func (m *Manager) remove(ctx context.Context, f *found, kubeconfig string) error {
	names := f.names()
	if f.sw != nil {
		names = names[:len(names)-1]
	}
	if err := m.Runtime.Remove(ctx, names...); err != nil {
		return fmt.Errorf("remove the containers of lab %q: %w", f.name, err)
	}
	if kubeconfig == "" {
		kubeconfig = f.record.Kubeconfig
	}
	if err := m.forget(ctx, f, kubeconfig); err != nil {
		return err
	}
	if f.sw != nil {
		if err := m.Runtime.Remove(ctx, f.sw.Name); err != nil {
			return fmt.Errorf("remove the switch of lab %q: %w", f.name, err)
		}
	}
	if f.record.NetworkCreated {
		return m.removeNetwork(ctx)
	}
	return nil
}

// forget removes the lab from the kubeconfig. A kind cluster of the same name that is not a lab keeps its entries.
func (m *Manager) forget(ctx context.Context, f *found, path string) error {
	others, err := m.Runtime.List(ctx, "label="+record.KindCluster+"="+f.name)
	if err != nil {
		return fmt.Errorf("list the nodes of kind clusters: %w", err)
	}
	if len(others) > 0 {
		return nil
	}
	if err := m.kind().ForgetKubeconfig(f.name, path); err != nil {
		return fmt.Errorf("remove the lab's context from the kubeconfig: %w", err)
	}
	if f.record.KubeconfigCreated && path == f.record.Kubeconfig {
		return removeEmptyKubeconfig(path)
	}
	return nil
}

// removeEmptyKubeconfig removes a kubeconfig without any entries.
func removeEmptyKubeconfig(path string) error {
	c, err := clientcmd.LoadFromFile(path)
	if err != nil || len(c.Clusters)+len(c.Contexts)+len(c.AuthInfos) > 0 {
		return nil // gone already, or somebody else's by now
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the lab's kubeconfig: %w", err)
	}
	return nil
}

// removeNetwork removes kind's network if it has no containers, neither running nor stopped.
func (m *Manager) removeNetwork(ctx context.Context) error {
	var err error
	// A container that is being removed is no longer listed, but its end of the network exists for another moment.
	_ = wait.PollUntilContextTimeout(ctx, lockPoll, lockPatience, true, func(context.Context) (bool, error) {
		var users []container.Container
		if users, err = m.Runtime.List(ctx, "network="+record.KindNetwork); err != nil || len(users) > 0 {
			return true, nil
		}
		err = m.Runtime.RemoveNetwork(ctx, record.KindNetwork)
		return !errors.Is(err, container.ErrInUse), nil
	})
	if err != nil {
		return fmt.Errorf("remove the network %s: %w", record.KindNetwork, err)
	}
	return nil
}
