// Command licences writes down under which licences the modules are that are compiled into the program, with their texts, as those
// demand. With -check it writes nothing, and fails when the file is not what it would write. It fails on licences that are not allowed.
// "make licences" runs it, and "make lint" its check.
package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

const (
	program = "./cmd/kubectl-dualstack"
	file    = "THIRD_PARTY_LICENSES.md"
	// enough is how much of a licence's file must be known words, in percent. The rest is copyright lines and titles.
	enough = 75
)

// allowed are the licences that the program's own, Apache-2.0, can be combined with in a binary.
func allowed() []string {
	return []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MPL-2.0", "Unlicense"}
}

// platforms are those that a release is made for.
func platforms() []string {
	return []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64"}
}

// module is one that is compiled in.
type module struct {
	path, version, dir string
	folders            []string // those with packages that are compiled in, and all above them
	licences           []string // SPDX identifiers
	texts              []text
}

// text is the file of a licence or a notice.
type text struct{ name, content string }

func main() {
	check := flag.Bool("check", false, "compare instead of writing")
	root := flag.String("root", "../..", "the checkout")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// run writes the file, or compares it.
func run(root string, check bool) error {
	modules, err := compiled(root)
	if err != nil {
		return err
	}
	var failed []error
	for i := range modules {
		failed = append(failed, modules[i].read())
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	want, path := page(modules), filepath.Join(root, file)
	if !check {
		return os.WriteFile(path, want, 0o644)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s is out of date: \"make licences\" writes it", file)
	}
	return nil
}

// compiled lists the modules whose packages are compiled into the program on any platform, and the standard library.
func compiled(root string) ([]module, error) {
	goroot, err := list(root, nil, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	std := strings.TrimSpace(goroot)
	seen := map[string]*module{"": {path: "Go's standard library", dir: std, folders: []string{std}}}
	for _, platform := range platforms() {
		goos, goarch, _ := strings.Cut(platform, "/")
		out, err := list(root, []string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0"}, "list", "-deps", "-f",
			"{{$dir := .Dir}}{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}\t{{$dir}}{{end}}{{end}}", program)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(out) {
			f := strings.Split(strings.TrimSpace(line), "\t")
			if len(f) != 4 {
				continue
			}
			if seen[f[0]] == nil {
				seen[f[0]] = &module{path: f[0], version: f[1], dir: f[2]}
			}
			seen[f[0]].reaches(f[3])
		}
	}
	var modules []module
	for _, m := range seen {
		slices.Sort(m.folders)
		modules = append(modules, *m)
	}
	slices.SortFunc(modules, func(a, b module) int { return cmp.Compare(a.path, b.path) })
	return modules, nil
}

// list runs the go command in the checkout.
func list(root string, env []string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env, cmd.Stderr = root, append(os.Environ(), env...), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s %v: %w", args[0], env, err)
	}
	return string(out), nil
}

// reaches takes down the folder of a package, and all above it: what was copied from elsewhere has a licence beside it.
func (m *module) reaches(folder string) {
	for ; strings.HasPrefix(folder, m.dir) && !slices.Contains(m.folders, folder); folder = filepath.Dir(folder) {
		m.folders = append(m.folders, folder)
	}
}

// read finds the licences in the module's folders, and fails when one is not allowed or the module has none.
func (m *module) read() error {
	for _, folder := range m.folders {
		if err := m.readFolder(folder); err != nil {
			return err
		}
	}
	if len(m.licences) == 0 {
		return fmt.Errorf("%s has no licence", m.path)
	}
	slices.Sort(m.licences)
	m.licences = slices.Compact(m.licences)
	return nil
}

// readFolder reads the files of licences, and the notices that some demand to be passed on.
func (m *module) readFolder(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	licence, notice := regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([._-]|$)`), regexp.MustCompile(`(?i)^(notice|patents)([.-]|$)`)
	for _, e := range entries {
		isLicence := licence.MatchString(e.Name()) && !strings.HasSuffix(e.Name(), ".go")
		if e.IsDir() || !isLicence && !notice.MatchString(e.Name()) || e.Name() == "LICENSE.docs" { // documentation is not compiled in
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		name, err := filepath.Rel(m.dir, filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		m.texts = append(m.texts, text{filepath.ToSlash(name), tidy(string(content))})
		if isLicence {
			if err := m.add(name, content); err != nil {
				return err
			}
		}
	}
	return nil
}

// add takes down the licences of a file.
func (m *module) add(name string, content []byte) error {
	found := licensecheck.Scan(content)
	if found.Percent < enough {
		return fmt.Errorf("%s: only %.0f %% of %s is of a known licence", m.path, found.Percent, name)
	}
	for _, match := range found.Match {
		if !match.IsURL && !slices.Contains(allowed(), match.ID) {
			return fmt.Errorf("%s: %s is of %s, which is not on the list of what is allowed", m.path, name, match.ID)
		}
		if !match.IsURL {
			m.licences = append(m.licences, match.ID)
		}
	}
	return nil
}

// tidy makes equal what differs in the ends of lines and empty lines around.
func tidy(s string) string {
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(s, "\r\n", "\n")) {
		lines = append(lines, strings.TrimRight(line, " \t\n\f"))
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// page is the content of the file: a table, and each text once.
func page(modules []module) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Licences of what is compiled in\n\n`make licences` writes this file, and `make lint` holds it.\n\n")
	fmt.Fprintf(&b, "| module | version | licence |\n|---|---|---|\n")
	of := map[string][]string{}
	var order []string
	for _, m := range modules {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m.path, m.version, strings.Join(m.licences, ", "))
		for _, t := range m.texts {
			if of[t.content] == nil {
				order = append(order, t.content)
			}
			of[t.content] = append(of[t.content], m.path+" ("+t.name+")")
		}
	}
	fmt.Fprintf(&b, "\n## Texts\n")
	for _, content := range order {
		fmt.Fprintf(&b, "\n%s:\n\n````text\n%s\n````\n", strings.Join(of[content], ", "), content)
	}
	return b.Bytes()
}
