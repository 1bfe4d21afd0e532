// Command kubectl-dualstack is a kubectl plugin for dual-stack clusters on Calico.
package main

import (
	"os"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd"
)

func main() {
	os.Exit(cmd.Main())
}
