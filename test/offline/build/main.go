// Command build makes the lab's images and programs where no image registry can be reached. See README.md in the folder
// above.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline"
)

const usage = `usage: go run ./test/offline/build VERB

  images               make sure that Docker has the node image and all images in it; starts Docker where none answers
  binaries [NAME...]   make sure that these programs are there, without names etcd and kube-apiserver, and Calico's
                       manifests; print the programs' folder
  docker [start|stop|restart]
                       start Docker where none answers; stop or restart the one that was started so
  env                  print what was or would be built as lines KEY=VALUE
`

// heartbeat is the time between two lines about a step that goes on, in a log.
const heartbeat = 30 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := build(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func build(ctx context.Context, args []string, out io.Writer, progress *os.File) error {
	lab, err := offline.Default(status.New(progress))
	if err != nil {
		return err
	}
	if !term.IsTerminal(int(progress.Fd())) {
		lab.Heartbeat = heartbeat
	}
	if len(args) == 0 {
		args = []string{"help"}
	}
	switch verb, rest := args[0], args[1:]; {
	case verb == "help":
		_, err := fmt.Fprint(out, usage)
		return err
	case verb == "binaries":
		dir, err := lab.Binaries(ctx, rest...)
		if err == nil {
			_, err = fmt.Fprintln(out, dir)
		}
		return err
	case verb == "docker" && len(rest) <= 1:
		return docker(ctx, lab, strings.Join(rest, ""))
	case verb == "env" && len(rest) == 0:
		env, err := lab.Env()
		if err == nil {
			_, err = fmt.Fprintln(out, strings.Join(env.Lines(), "\n"))
		}
		return err
	case verb == "images" && len(rest) == 0:
		if err := lab.Docker().Start(ctx); err != nil {
			return err
		}
		return lab.Images(ctx)
	default:
		return fmt.Errorf("unknown verb %q: see \"help\"", strings.Join(args, " "))
	}
}

func docker(ctx context.Context, lab *offline.Lab, verb string) error {
	switch verb {
	case "", "start":
		return lab.Docker().Start(ctx)
	case "stop":
		return lab.Docker().Stop(ctx)
	case "restart":
		return lab.Docker().Restart(ctx)
	default:
		return fmt.Errorf("unknown verb %q: see \"help\"", "docker "+verb)
	}
}
