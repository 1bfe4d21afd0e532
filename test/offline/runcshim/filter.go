//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/capability"
)

// object is a JSON object of which only single members are looked at; the others keep their bytes.
type object map[string]json.RawMessage

// valueFlags are runc's global options that take a value as an argument of its own. Taking such a value for the verb
// would filter the wrong file, or none.
func valueFlags() []string { return []string{"root", "log", "log-format", "criu", "rootless"} }

// specFile returns the file of runc's command line args (without the program) that describes a process to start, and
// whether that is a whole container's config.json or only a process. It returns "" where nothing is started.
func specFile(args []string) (file string, whole bool) {
	verb, rest := splitVerb(args)
	switch verb {
	case "create", "run", "restore":
		return filepath.Join(option(rest, "bundle", "b"), "config.json"), true
	case "exec":
		return option(rest, "process", "p"), false
	default:
		return "", false
	}
}

func splitVerb(args []string) (verb string, rest []string) {
	for i := 0; i < len(args); i++ {
		name := strings.TrimLeft(args[i], "-")
		if name == args[i] {
			return args[i], args[i+1:]
		}
		if slices.Contains(valueFlags(), name) {
			i++
		}
	}
	return "", nil
}

// option returns the value of an option in any of the four ways in which it can be written.
func option(args []string, long, short string) string {
	for i, arg := range args {
		name, value, assigned := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !strings.HasPrefix(arg, "-") || name != long && name != short {
			continue
		}
		if assigned {
			return value
		}
		if i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// filterSpec removes the capabilities from a config.json.
func filterSpec(spec []byte, lacks []string) ([]byte, error) {
	var config object
	if err := json.Unmarshal(spec, &config); err != nil {
		return nil, fmt.Errorf("parse container specification: %w", err)
	}
	process, ok := config["process"]
	if !ok {
		return spec, nil
	}
	filtered, err := filterProcess(process, lacks)
	if err != nil {
		return nil, err
	}
	config["process"] = filtered
	return encode(config)
}

// filterProcess removes the capabilities from a process, and the OOM score where that cannot be set.
func filterProcess(spec []byte, lacks []string) ([]byte, error) {
	var process object
	if err := json.Unmarshal(spec, &process); err != nil {
		return nil, fmt.Errorf("parse process specification: %w", err)
	}
	if slices.Contains(lacks, capability.SysResource) {
		delete(process, "oomScoreAdj")
	}
	if caps, ok := process["capabilities"]; ok {
		filtered, err := filterCapabilities(caps, lacks)
		if err != nil {
			return nil, err
		}
		process["capabilities"] = filtered
	}
	return encode(process)
}

func filterCapabilities(spec []byte, lacks []string) ([]byte, error) {
	var sets map[string][]string // bounding, effective, inheritable, permitted, ambient
	if err := json.Unmarshal(spec, &sets); err != nil {
		return nil, fmt.Errorf("parse capabilities: %w", err)
	}
	for name, set := range sets {
		sets[name] = slices.DeleteFunc(set, func(c string) bool { return slices.Contains(lacks, c) })
	}
	return encode(sets)
}

// encode is json.Marshal without the escapes for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}
