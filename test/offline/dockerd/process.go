package dockerd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// readPID reads a process ID from a file.
func readPID(name string) (int, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("%s: no process ID in it", name)
	}
	return pid, nil
}

// runs tells whether the process runs and is an instance of the program: a process ID in a file that a killed program
// has left may be somebody else's by now.
func runs(pid int, program string) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && isRunning(string(stat), program)
}

// isRunning reads a /proc/PID/stat: "PID (NAME) STATE …". A zombie has ended, though nobody has asked how.
func isRunning(stat, program string) bool {
	_, rest, found := strings.Cut(stat, "(")
	end := strings.LastIndex(rest, ") ")
	if !found || end < 0 {
		return false
	}
	return rest[:end] == program && !strings.HasPrefix(rest[end+2:], "Z")
}

// removeStale removes a file with a process ID unless that process is an instance of the program.
func removeStale(name, program string) error {
	pid, err := readPID(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && runs(pid, program) {
		return nil
	}
	return os.Remove(name)
}

// raise sets kernel parameters, below a folder of /proc/sys, that are lower than they should be.
func raise(dir string, wanted map[string]int) error {
	for name, least := range wanted {
		file := dir + "/" + name
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if now, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && now >= least {
			continue
		}
		if err := os.WriteFile(file, []byte(strconv.Itoa(least)), 0o644); err != nil {
			return fmt.Errorf("raise a limit that a lab exceeds: %w", err)
		}
	}
	return nil
}
