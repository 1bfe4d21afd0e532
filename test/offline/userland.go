package offline

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/host"
)

// suite is the Debian release that the images are made of, the one that kind's own node image uses.
const suite = "trixie"

// packages are what the images need beyond Debian's minimal base.
func packages() []string {
	return []string{
		"bash", "ca-certificates", "procps", "util-linux", "mount", "kmod", "jq", "pigz", "socat", // both nodes and pods
		"iproute2", "iptables", "nftables", "ipset", "conntrack", "ethtool",
		"systemd", "systemd-sysv", "dbus", "containerd", "runc", "containernetworking-plugins", // nodes
		"libseccomp2", "e2fsprogs", "frr",
		"runit",                                                                                    // calico-node
		"bind9-dnsutils", "busybox", "curl", "iputils-ping", "net-tools", "nginx-light", "tcpdump", // multitool
		"netbase",
	}
}

// nodePackages are patterns of packages that only nodes need. The images of pods are built without them: every node
// unpacks those images again, and what a pod does not need is two thirds of the userland.
func nodePackages() []string {
	return []string{
		"apt", "containerd", "containernetworking-plugins", "cron*", "dbus*", "debian-archive-keyring", "dpkg",
		"e2fsprogs", "frr", "libapt-pkg*", "libcares2", "libext2fs2*", "libperl*", "libsystemd-shared*", "libyang*",
		"logrotate", "logsave", "lsof", "perl*", "pigz", "runc", "sqv", "systemd", "systemd-sysv", "tzdata",
	}
}

// cniPlugins are those that Calico's own image brings with it.
func cniPlugins() []string {
	return []string{"bandwidth", "host-local", "loopback", "portmap", "tuning"}
}

// excluded are files, and folders of which only the contents are meant, that no image needs. The resolver's
// configuration would be this machine's.
func excluded() []string {
	return []string{
		"dev", "proc", "sys", "run", "tmp", "etc/resolv.conf", "etc/hostname", "var/cache/apt", "var/cache/debconf",
		"var/lib/apt/lists", "var/log/apt", "var/log/alternatives.log", "var/log/bootstrap.log", "var/log/dpkg.log",
		"usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man",
	}
}

// Files of the userland's folder.
const (
	podLayer   = "pod.tar"  // what pods and nodes need
	nodeLayer  = "node.tar" // what only nodes need, on top
	pluginsDir = "cni"      // cniPlugins
)

// userland is a Debian userland as layers of images. Its key does not name the packages' versions: they are those of
// the day on which it is built.
func (l *Lab) userland() artifact {
	k := key("userland", rootfsSource, runtime.GOARCH, suite,
		key(packages()...), key(nodePackages()...), key(excluded()...), key(cniPlugins()...))
	return artifact{name: "userland", key: k, build: l.buildUserland}
}

func (l *Lab) buildUserland(ctx context.Context, dir string) error {
	if !host.IsRoot() {
		return errors.New("build the Debian userland: only root can unpack it; run this once as root")
	}
	tools := []host.Tool{{Program: "debootstrap", Packages: []string{"debootstrap"}},
		{Program: "unshare", Packages: []string{"util-linux"}}}
	if err := host.Require(ctx, l.Run, l.Report, tools...); err != nil {
		return fmt.Errorf("build the Debian userland: %w", err)
	}
	mirror, err := l.debianMirror(ctx)
	if err != nil {
		return err
	}
	root := filepath.Join(dir, "root")
	err = l.step("bootstrap a Debian userland", func(p *progress) error {
		// in a mount namespace of its own: what it mounts below root must be gone when root is removed, however it
		// ended
		return p.command(ctx, l.Run, run.Cmd{Name: "unshare", Args: []string{"--mount", "debootstrap", "--variant=minbase",
			"--include=" + strings.Join(packages(), ","), suite, root, mirror}})
	})
	if err != nil {
		return err
	}
	return l.step("pack the Debian userland", func(*progress) error {
		return errors.Join(copyPlugins(root, filepath.Join(dir, pluginsDir)), splitUserland(root, dir), os.RemoveAll(root))
	})
}

// debianMirror returns the mirror that this machine installs its own packages from.
func (l *Lab) debianMirror(ctx context.Context) (string, error) {
	cmd := run.Cmd{Name: "apt-get", Args: []string{"indextargets", "--format", "$(SITE)", "Created-By: Packages"}}
	out, err := l.Run.Run(ctx, cmd)
	if err != nil {
		return "", fmt.Errorf("find the Debian mirror: %w", err)
	}
	if mirror := pickMirror(string(out)); mirror != "" {
		return mirror, nil
	}
	return "", errors.New("find the Debian mirror: apt's sources name none whose path ends with /debian")
}

// pickMirror returns the first site that holds Debian itself, rather than its security updates or somebody else's
// packages.
func pickMirror(sites string) string {
	for site := range strings.Lines(sites) {
		u, err := url.Parse(strings.TrimSpace(site))
		if err == nil && u.Host != "" && path.Base(u.Path) == "debian" {
			return u.String()
		}
	}
	return ""
}
