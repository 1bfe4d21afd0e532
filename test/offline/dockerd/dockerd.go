// Package dockerd starts a Docker daemon on a Debian machine that runs none, and stops or restarts exactly the one
// that it has started. A daemon that answers already is left alone, whoever started it.
package dockerd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/capability"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/host"
)

const (
	poll         = 100 * time.Millisecond // between two looks whether the daemon answers or has ended
	startTimeout = 2 * time.Minute        // a daemon that finds containers of a killed one cleans up first
	stopTimeout  = 2 * time.Minute        // it stops each container first, which may take 10 s for some
)

// Daemon is the Docker daemon of this machine.
type Daemon struct {
	Dir    string           // folder for the process ID and the log
	Run    run.Runner       // starts commands of this machine
	Report *status.Reporter // shows progress
	// Runtime builds the OCI runtime that drops the capabilities that the machine lacks, and returns its file.
	Runtime func(context.Context) (string, error)
}

// PIDFile holds the process ID of the daemon that Start has started.
func (d *Daemon) PIDFile() string { return filepath.Join(d.Dir, "dockerd.pid") }

// LogFile holds what that daemon prints.
func (d *Daemon) LogFile() string { return filepath.Join(d.Dir, "dockerd.log") }

// Answers tells whether a Docker daemon answers.
func (d *Daemon) Answers(ctx context.Context) bool { return d.ask(ctx) == nil }

// ask returns why no daemon answers, if none does.
func (d *Daemon) ask(ctx context.Context) error {
	_, err := d.Run.Run(ctx, run.Cmd{Name: "docker", Args: []string{"version", "--format", "{{.Server.Version}}"}})
	return err
}

// Start makes sure that a Docker daemon answers. Where none does, it installs Debian's where that is missing, starts
// it, and keeps what containers send from leaving the machine; for that it must be root on Debian.
func (d *Daemon) Start(ctx context.Context) error {
	silence := d.ask(ctx)
	if silence == nil {
		return nil
	}
	if err := startable(silence); err != nil || ctx.Err() != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	waiting := func() { d.Report.Infof("another run is starting Docker: waiting for it") }
	unlock, err := host.Lock(ctx, filepath.Join(d.Dir, "lock"), waiting)
	if err != nil {
		return fmt.Errorf("start Docker: %w", err)
	}
	defer unlock()
	if err := d.configure(ctx); err != nil { // first: its package may start it at once
		return fmt.Errorf("start Docker: %w", err)
	}
	if err := host.Require(ctx, d.Run, d.Report, tools()...); err != nil {
		return fmt.Errorf("start Docker: %w", err)
	}
	if !d.Answers(ctx) { // nor has another run started it
		step := d.Report.Start("start Docker")
		if err := step.Done(d.launch(ctx)); err != nil {
			return fmt.Errorf("start Docker: %w", err)
		}
	}
	return d.confine(ctx)
}

// startable says why this process cannot start a daemon, if it cannot. That none answers may well be a matter of
// permissions, hence silence, the reason, is told too.
func startable(silence error) error {
	if name := os.Getenv("DOCKER_HOST"); name != "" {
		return fmt.Errorf("no Docker daemon answers at DOCKER_HOST=%s: start it, or unset DOCKER_HOST: %w", name, silence)
	}
	if !host.IsRoot() || !host.IsDebian() {
		return fmt.Errorf("no Docker daemon answers: start one that you may use, "+
			"or run this as root on Debian, which installs and starts one: %w", silence)
	}
	return nil
}

func tools() []host.Tool {
	return []host.Tool{
		{Program: "dockerd", Packages: []string{"docker.io"}},
		{Program: "docker", Packages: []string{"docker-cli", "docker.io"}}, // a package of its own since Debian 13
		{Program: "iptables", Packages: []string{"iptables"}},
		{Program: "ip", Packages: []string{"iproute2"}},
	}
}

// configure prepares the machine for a daemon: its runtime, and limits that a lab of three nodes exceeds.
func (d *Daemon) configure(ctx context.Context) error {
	lacks, err := capability.Lacking()
	if err != nil {
		return err
	}
	if len(lacks) > 0 {
		d.Report.Infof("this machine lacks %s: Docker gets a runtime that does without", strings.Join(lacks, ", "))
		shim, err := d.Runtime(ctx)
		if err != nil {
			return err
		}
		if err := register(shim, shimPath, configPath); err != nil {
			return err
		}
	}
	return raise("/proc/sys/fs/inotify", map[string]int{"max_user_instances": 8192, "max_user_watches": 1 << 20})
}

// launch starts the daemon and waits until it answers.
func (d *Daemon) launch(ctx context.Context) error {
	if booted, err := os.Stat("/run/systemd/system"); err == nil && booted.IsDir() {
		_, err := d.Run.Run(ctx, run.Cmd{Name: "systemctl", Args: []string{"start", "docker"}})
		return err
	}
	// a daemon refuses to start when the process ID in its file is in use, whoever uses it by now
	for name, program := range map[string]string{
		"/var/run/docker.pid": "dockerd", "/var/run/docker/containerd/containerd.pid": "containerd",
	} {
		if err := removeStale(name, program); err != nil {
			return err
		}
	}
	ended, err := d.spawn()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w; its log %s ends with: %s", context.Cause(ctx), d.LogFile(), d.logTail())
		case <-ended:
			return fmt.Errorf("it ended; its log %s ends with: %s", d.LogFile(), d.logTail())
		case <-tick.C:
			if d.Answers(ctx) {
				return nil
			}
		}
	}
}

// spawn starts the daemon in a session of its own, so that it outlives this process, and notes its process ID. The
// returned channel is closed when the daemon has ended.
func (d *Daemon) spawn() (ended <-chan struct{}, err error) {
	log, err := os.OpenFile(d.LogFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := detached("dockerd")
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(done)
	}()
	return done, os.WriteFile(d.PIDFile(), fmt.Appendln(nil, cmd.Process.Pid), 0o644)
}

// Stop ends the daemon that Start has started, and with it its containers. Where that does not run, there is nothing
// to do.
func (d *Daemon) Stop(ctx context.Context) error {
	pid, err := readPID(d.PIDFile())
	if errors.Is(err, fs.ErrNotExist) || err == nil && !runs(pid, "dockerd") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stop Docker: %w", err)
	}
	step := d.Report.Start("stop Docker")
	if err := step.Done(d.terminate(ctx, pid)); err != nil {
		return fmt.Errorf("stop Docker: %w", err)
	}
	return nil
}

func (d *Daemon) terminate(ctx context.Context, pid int) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	if err := process.Signal(stopSignal()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for runs(pid, "dockerd") {
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d goes on: %w", pid, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return os.Remove(d.PIDFile())
}

// Restart stops the daemon that Start has started, if it runs, and starts it again. A daemon of others is not touched.
func (d *Daemon) Restart(ctx context.Context) error {
	if err := d.Stop(ctx); err != nil {
		return err
	}
	if d.Answers(ctx) {
		return errors.New("restart Docker: the daemon that answers was not started by this program; " +
			"restart it by the means that started it")
	}
	return d.Start(ctx)
}

// logTail returns the end of the log on one line.
func (d *Daemon) logTail() string {
	const lines = 3
	data, err := os.ReadFile(d.LogFile())
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte(" | ")))
}
