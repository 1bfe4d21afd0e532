package offline

import (
	_ "embed"
	"io/fs"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/archive"
)

// nodeBase is the node image before the pods' images have been put into it. It lives only as long as that takes.
const nodeBase = "offline/node-base:1"

// bakeContainer is the container in which that is done.
const bakeContainer = "dualstack-offline-bake"

// bakeNode finishes a node image from inside. It reads the archive of the pods' images from its standard input.
//
//go:embed files/bake-node.sh
var bakeNode string

// defaultStorage is applied by kind to every new cluster; it insists on at least one valid object. Nobody provisions
// here.
//
//go:embed files/default-storage.yaml
var defaultStorage string

// nodeEntrypoint is what kind runs in a node.
const nodeEntrypoint = `["/usr/local/bin/entrypoint","/sbin/init"]`

// nodeBaseImage is kind's node image but for the pods' images: kind's own files on a Debian with containerd.
func nodeBaseImage() image {
	files := []file{
		kindFiles("/etc", 0o644),
		kindFiles("/kind", 0o755),
		kindFiles("/usr/local/bin", 0o755),
		kindFiles("/etc/containerd/config.toml", 0o644, containerdEdits()...), // instead of the one above
		{path: "/kind/version", mode: 0o644, data: KubernetesVersion},
		{path: "/kind/manifests/default-storage.yaml", mode: 0o644, data: defaultStorage},
		{path: "/etc/kubernetes/manifests", mode: fs.ModeDir | 0o755},
	}
	for _, name := range []string{"kubelet", "kubeadm", "kubectl"} {
		files = append(files, file{path: "/usr/bin/" + name, program: name})
	}
	for _, name := range []string{"containerd", "ctr", "containerd-shim-runc-v2"} { // where kind's units look for them
		files = append(files, file{path: "/usr/local/bin/" + name, symlink: "/usr/bin/" + name})
	}
	for _, name := range append(cniPlugins(), "ptp") {
		files = append(files, file{path: "/opt/cni/bin/" + name, symlink: "/usr/lib/cni/" + name})
	}
	return image{name: nodeBase, userland: []string{podLayer, nodeLayer}, files: files,
		config: config(archive.Config{Env: []string{"container=docker"}, StopSignal: "SIGRTMIN+3"})}
}

// kindFiles are files of kind's own node image, at the same place as there.
func kindFiles(path string, mode fs.FileMode, edits ...edit) file {
	from := tree{path: "sigs.k8s.io/kind", folder: "images/base/files" + path, edit: edits}
	return file{path: path, mode: mode, tree: &from}
}

// containerdEdits make kind's configuration of containerd fit: the pause image is the one that kubeadm asks for; a
// lower OOM score than its parent's needs a capability that sandboxed machines lack; Debian's containerd would look
// for CNI plugins in /usr/lib/cni.
func containerdEdits() []edit {
	return []edit{
		{`pause:3.10"`, `pause:` + PauseVersion + `"`},
		{"\n  restrict_oom_score_adj = false", "\n  restrict_oom_score_adj = true"},
		{"", "\n[plugins.\"io.containerd.grpc.v1.cri\".cni]\n  bin_dir = \"/opt/cni/bin\"\n"},
	}
}

// nodeKey names all that goes into the node image.
func (l *Lab) nodeKey() (string, error) {
	parts := []string{"node", bakeNode, nodeEntrypoint}
	for _, img := range append(podImages(), nodeBaseImage()) {
		k, err := l.imageKey(img)
		if err != nil {
			return "", err
		}
		parts = append(parts, k)
	}
	return key(parts...), nil
}

// fullName is the name under which containerd knows an image that Docker knows by a short one.
func fullName(name string) string {
	if first, _, found := strings.Cut(name, "/"); found && strings.Contains(first, ".") {
		return name
	}
	return "docker.io/" + name
}
