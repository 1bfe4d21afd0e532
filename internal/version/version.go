// Package version says which build of the program this is.
package version

import (
	"runtime"
	"runtime/debug"
)

// The linker sets these in releases (-ldflags -X); elsewhere they stay empty and Go's build information replaces them.
var (
	version = ""
	commit  = ""
	date    = ""
)

// Info describes a build.
type Info struct {
	Version   string   `json:"version"`           // v1.2.3, or (devel) for a build from a checkout
	Commit    string   `json:"commit,omitempty"`  // of git; "-dirty" follows where the tree had changes
	Date      string   `json:"date,omitempty"`    // of the commit, RFC 3339
	GoVersion string   `json:"goVersion"`         // of the compiler
	Platform  string   `json:"platform"`          // os/architecture
	Modules   []Module `json:"modules,omitempty"` // the libraries whose version matters for what the program does
}

// Module is a library that the program was built with.
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

// Get returns the description of the running program.
func Get() Info {
	info := Info{
		Version: version, Commit: commit, Date: date,
		GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if build, ok := debug.ReadBuildInfo(); ok {
		info.fill(build)
	}
	if info.Version == "" {
		info.Version = "(devel)"
	}
	return info
}

// fill takes the values that the linker did not set from the build information that Go embeds.
func (i *Info) fill(build *debug.BuildInfo) {
	if i.Version == "" {
		i.Version = build.Main.Version
	}
	settings := map[string]string{}
	for _, s := range build.Settings {
		settings[s.Key] = s.Value
	}
	if i.Commit == "" && settings["vcs.revision"] != "" {
		i.Commit = settings["vcs.revision"]
		if settings["vcs.modified"] == "true" {
			i.Commit += "-dirty"
		}
	}
	if i.Date == "" {
		i.Date = settings["vcs.time"]
	}
	for _, m := range build.Deps {
		if m.Path == "k8s.io/client-go" || m.Path == "sigs.k8s.io/kind" {
			i.Modules = append(i.Modules, Module{Path: m.Path, Version: m.Version})
		}
	}
}
