// Package offline builds everything that the lab runs where no image registry can be reached: Kubernetes, etcd,
// CoreDNS and Calico from Go modules, the userland beneath them from Debian packages, and from both a Kind node image
// that holds all other images. It is for this project's own development and tests; users' labs pull what they need.
//
// What it builds is kept in the user's cache folder under a key that hashes everything that goes in, and Docker images
// carry theirs as a label: a second run finds both and builds nothing.
package offline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/modfile"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/dockerd"
)

// The versions of what is built. A test holds them against the go.mod files, which decide.
const (
	KubernetesVersion = "v1.36.3"
	CoreDNSVersion    = "v1.14.2" // this and the next two are those that kubeadm of this Kubernetes asks for
	EtcdVersion       = "v3.6.8"
	PauseVersion      = "3.10.2"
	CalicoVersion     = "v3.28.5"
	KindVersion       = "v0.33.0" // its node image's files
)

// Names of the images that others refer to.
const (
	NodeImage      = "kindest/node:" + KubernetesVersion + "-offline"
	MultitoolImage = "wbitt/network-multitool:alpine-extra" // the name that the lab's manifests use
	CEOSImage      = "offline/ceos-stand-in:1"              // started as a cEOS container is; no cEOS
	StaticImage    = "offline/static:1"                     // one static web server and nothing else: no shell, no tools
)

// mainModule is the module that this package belongs to.
const mainModule = "github.com/kubectl-dualstack/kubectl-dualstack"

// Lab builds the lab's programs and images. It is safe for concurrent use, also by several processes.
type Lab struct {
	Cache     string           // folder of what is kept between runs
	Checkout  string           // root of this project's source tree
	Run       run.Runner       // starts commands of this machine
	Report    *status.Reporter // shows progress
	Heartbeat time.Duration    // between two lines about a step that goes on, for a log; 0: none
}

// Default returns the Lab of this checkout, which the working directory must be in, with its cache in the user's cache
// folder.
func Default(report *status.Reporter) (*Lab, error) {
	caches, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find the cache folder: %w", err)
	}
	wd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the checkout: %w", err)
	}
	checkout, err := findCheckout(wd)
	if err != nil {
		return nil, err
	}
	return &Lab{Cache: filepath.Join(caches, "kubectl-dualstack"), Checkout: checkout, Run: run.Host{}, Report: report}, nil
}

// findCheckout returns the nearest folder at or above dir that is the root of the main module.
func findCheckout(dir string) (string, error) {
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("find the checkout: %w", err)
		}
		if modfile.ModulePath(mod) == mainModule {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find the checkout: not inside the source tree of %s", mainModule)
		}
		dir = parent
	}
}

// Docker returns the Docker daemon that can be started, stopped and started again on this machine.
func (l *Lab) Docker() *dockerd.Daemon {
	return &dockerd.Daemon{Dir: filepath.Join(l.Cache, "docker"), Run: l.Run, Report: l.Report, Runtime: l.runtime}
}

func (l *Lab) store() store {
	return store{dir: l.Cache, waiting: func(name string) {
		l.Report.Infof("another run is building %s: waiting for it", name)
	}}
}
