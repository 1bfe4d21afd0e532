package lab

import (
	"fmt"
	"strings"
)

// DryRun returns what Create would do, as a list of steps, and then every file that it would use. It looks at nothing, so it
// works without Docker; "auto" stays unresolved.
func DryRun(o CreateOptions) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# Lab %q would be created in these steps:\n", o.Lab.Name)
	c := &creation{opts: o}
	for i, s := range c.plan() {
		fmt.Fprintf(&b, "#  %d. %s", i+1, s.Name)
		if len(s.After) > 0 {
			fmt.Fprintf(&b, " (after %s)", strings.Join(s.After, ", "))
		}
		fmt.Fprintln(&b)
	}
	files, err := o.files(true)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		fmt.Fprintf(&b, "\n# %s\n%s", f.Title, f.Text)
	}
	return b.String(), nil
}
