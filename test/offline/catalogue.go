package offline

import (
	_ "embed"
	"io/fs"

	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/archive"
)

const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// multitoolStart is what the multitool image runs first.
//
//go:embed files/multitool-start.sh
var multitoolStart string

// podImages returns the images that the cluster's pods are made from. The names are those that kubeadm and Calico's
// manifests ask for.
func podImages() []image {
	const kubernetes = "registry.k8s.io/"
	return []image{
		single(kubernetes+"kube-apiserver:"+KubernetesVersion, "kube-apiserver"),
		single(kubernetes+"kube-controller-manager:"+KubernetesVersion, "kube-controller-manager"),
		single(kubernetes+"kube-scheduler:"+KubernetesVersion, "kube-scheduler"),
		single(kubernetes+"coredns/coredns:"+CoreDNSVersion, "coredns"),
		single(kubernetes+"etcd:"+EtcdVersion[1:]+"-0", "etcd"),
		single(kubernetes+"pause:"+PauseVersion, "pause"),
		single(StaticImage, "httpd"),
		onUserland(kubernetes+"kube-proxy:"+KubernetesVersion, archive.Config{},
			file{path: "/usr/local/bin/kube-proxy", program: "kube-proxy"}),
		calicoCNI(),
		calicoNode(),
		calicoControllers(),
		onUserland(MultitoolImage,
			archive.Config{Entrypoint: []string{"/usr/local/bin/multitool-start"}, Cmd: []string{"nginx", "-g", "daemon off;"}},
			file{path: "/usr/local/bin/multitool-start", mode: 0o755, data: multitoolStart}),
	}
}

// hostImages returns the images that the machine's Docker runs, and no node.
func hostImages() []image {
	return []image{
		onUserland(CEOSImage, archive.Config{},
			file{path: "/sbin/init", program: "ceos"}, file{path: "/usr/bin/Cli", hardlink: "/sbin/init"},
			file{path: "/mnt/flash", mode: fs.ModeDir | 0o755}),
	}
}

// single is an image with nothing but one static program.
func single(name, program string) image {
	bin := "/usr/local/bin/" + program
	return image{name: name, files: []file{tmp(), {path: bin, program: program}},
		config: config(archive.Config{Entrypoint: []string{bin}})}
}

func onUserland(name string, c archive.Config, files ...file) image {
	return image{name: name, userland: []string{podLayer}, files: files, config: config(c)}
}

func config(c archive.Config) archive.Config {
	c.Env = append([]string{searchPath}, c.Env...)
	return c
}

func tmp() file { return file{path: "/tmp", mode: fs.ModeDir | fs.ModeSticky | 0o777} }

// calicoNode is the image of Felix and BIRD. Its own commands find the services by SVDIR, as in the published image: without it confd
// writes BIRD's configuration, and BIRD never reads it again.
func calicoNode() image {
	files := []file{{path: "/usr/bin/calico-node", program: "calico-node"},
		{path: "/usr/sbin/.wh.bridge"}, // deletes it: the published image has none
		{path: "/", mode: 0o755, tree: &tree{module: "calico", path: calicoModule, folder: "node/filesystem"}}}
	return onUserland("calico/node:"+CalicoVersion,
		archive.Config{Env: []string{"SVDIR=/etc/service/enabled"}, Cmd: []string{"start_runit"}}, append(files, birdFiles()...)...)
}

// calicoCNI is the image that puts the CNI plugins on each node. Calico's own two are one program, which looks at its
// name.
func calicoCNI() image {
	const bin = "/opt/cni/bin/"
	files := []file{tmp(),
		{path: bin + "calico", program: "calico-cni"},
		{path: bin + "calico-ipam", hardlink: bin + "calico"},
		{path: bin + "install", program: "calico-cni-install"},
	}
	for _, name := range cniPlugins() {
		files = append(files, file{path: bin + name, plugin: name})
	}
	return image{name: "calico/cni:" + CalicoVersion, files: files,
		config: config(archive.Config{Cmd: []string{bin + "install"}})}
}

// calicoControllers is the image of Calico's controllers, whose probes call a second program.
func calicoControllers() image {
	const bin = "/usr/bin/"
	return image{name: "calico/kube-controllers:" + CalicoVersion,
		files: []file{tmp(), {path: bin + "kube-controllers", program: "kube-controllers"},
			{path: bin + "check-status", program: "check-status"}},
		config: config(archive.Config{Entrypoint: []string{bin + "kube-controllers"}})}
}
