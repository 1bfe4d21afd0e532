package dockerd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	configPath = "/etc/docker/daemon.json"
	shimName   = "dualstack-runcshim"
	shimPath   = "/usr/local/sbin/" + shimName
)

// register installs the runtime and makes it the daemon's default, unless its configuration has a default of its own.
func register(program, installed, config string) error {
	data, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	if err := replaceFile(installed, data, 0o755); err != nil {
		return err
	}
	old, err := os.ReadFile(config)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	merged, err := mergeConfig(old, installed)
	if err != nil {
		return fmt.Errorf("%s: %w", config, err)
	}
	if bytes.Equal(merged, old) {
		return nil
	}
	return replaceFile(config, merged, 0o644)
}

// mergeConfig adds the runtime at path to a daemon's configuration, which may be empty. All else in it stays.
func mergeConfig(old []byte, path string) ([]byte, error) {
	config, runtimes := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if len(bytes.TrimSpace(old)) > 0 {
		if err := json.Unmarshal(old, &config); err != nil {
			return nil, err
		}
	}
	if _, ok := config["default-runtime"]; ok {
		return old, nil
	}
	if raw, ok := config["runtimes"]; ok {
		if err := json.Unmarshal(raw, &runtimes); err != nil {
			return nil, fmt.Errorf("runtimes: %w", err)
		}
	}
	var errs [3]error
	runtimes[shimName], errs[0] = json.Marshal(map[string]string{"path": path})
	config["runtimes"], errs[1] = json.Marshal(runtimes)
	config["default-runtime"], errs[2] = json.Marshal(shimName)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	merged, err := json.MarshalIndent(config, "", "  ")
	return append(merged, '\n'), err
}

// replaceFile writes a file aside and renames it, so that nobody sees half of it; a program in use can be replaced so
// too.
func replaceFile(name string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	temp := name + ".new"
	if err := os.WriteFile(temp, data, mode); err != nil {
		return err
	}
	return os.Rename(temp, name)
}
