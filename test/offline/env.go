package offline

import "strings"

// Env is what others need to know to use what was built here. The folders need not exist yet: Binaries and Images see
// to that.
type Env struct {
	NodeImage       string
	CalicoVersion   string
	CalicoManifests string // folder
	MultitoolImage  string
	StaticImage     string
	CEOSImage       string
	BinDir          string // folder of what Binaries has built
	DockerPIDFile   string // of the Docker daemon, where it was started by this package
}

// Env returns what this checkout builds.
func (l *Lab) Env() (Env, error) {
	bin, err := l.binDir()
	if err != nil {
		return Env{}, err
	}
	manifests, err := l.calicoManifests()
	if err != nil {
		return Env{}, err
	}
	return Env{
		NodeImage: NodeImage, CalicoVersion: CalicoVersion, CalicoManifests: l.store().path(manifests),
		MultitoolImage: MultitoolImage, StaticImage: StaticImage, CEOSImage: CEOSImage, BinDir: bin, DockerPIDFile: l.Docker().PIDFile(),
	}, nil
}

// Lines returns it as lines KEY=VALUE that a shell can read.
func (e Env) Lines() []string {
	pairs := [][2]string{
		{"NODE_IMAGE", e.NodeImage}, {"CALICO_VERSION", e.CalicoVersion}, {"CALICO_MANIFESTS", e.CalicoManifests},
		{"MULTITOOL_IMAGE", e.MultitoolImage}, {"STATIC_IMAGE", e.StaticImage}, {"CEOS_IMAGE", e.CEOSImage},
		{"BIN_DIR", e.BinDir}, {"DOCKER_PIDFILE", e.DockerPIDFile},
	}
	lines := make([]string, len(pairs))
	for i, p := range pairs {
		lines[i] = p[0] + "=" + shellQuote(p[1])
	}
	return lines
}

// shellQuote quotes a value for a shell where it has to be.
func shellQuote(value string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+,=", r)
	}
	if value != "" && strings.IndexFunc(value, func(r rune) bool { return !plain(r) }) < 0 {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
