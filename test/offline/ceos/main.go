// Command ceos is a stand-in for Arista's cEOS, whose image may not be passed on. It is no cEOS: it knows the configuration that labs
// have and the questions that the plugin asks, and refuses everything else. It is started as a cEOS container is, takes a while to
// boot, reads its startup configuration, and forwards by the kernel's means.
//
// It is two programs, told apart by their name: /sbin/init, which boots and then runs until it is told to stop, and Cli.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	startupConfig = "/mnt/flash/startup-config"
	// booted is there once the switch has booted, and has the number of the VLAN that its bridge is.
	booted = "/run/ceos/booted"
	// moodFile says how Cli answers; tests write it.
	moodFile = "/run/ceos/mood"
	// bootTime is shorter than that of cEOS, which takes a minute or two.
	bootTime = 5 * time.Second
)

func main() {
	var err error
	if filepath.Base(os.Args[0]) == "Cli" {
		err = answer(os.Args[1:])
	} else {
		err = boot()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// environment is what a cEOS container must be started with, and init be told again (Arista's guide to cEOS-lab).
func environment() []string {
	return []string{"CEOS=1", "EOS_PLATFORM=ceoslab", "container=docker", "ETBA=1", "SKIP_ZEROTOUCH_BARRIER_IN_SYSDBINIT=1", "INTFTYPE=eth"}
}

func boot() error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	if err := os.RemoveAll(filepath.Dir(booted)); err != nil { // of the boot before
		return err
	}
	if err := os.MkdirAll(filepath.Dir(booted), 0o755); err != nil {
		return err
	}
	for _, e := range environment() {
		name, value, _ := strings.Cut(e, "=")
		if os.Getenv(name) != value {
			return fmt.Errorf("started without %s", e)
		}
		if !strings.Contains(strings.Join(os.Args, " "), "systemd.setenv="+e) {
			return fmt.Errorf("init was not told %s", e)
		}
	}
	ports, err := filepath.Glob("/sys/class/net/eth[0-9]*") // it looks for its ports only now
	if err != nil {
		return err
	}
	select {
	case <-stop:
		return nil
	case <-time.After(bootTime):
	}
	text, err := os.ReadFile(startupConfig)
	if err != nil {
		return err
	}
	c, err := parse(string(text))
	if err != nil {
		return err
	}
	for i, port := range ports {
		ports[i] = filepath.Base(port)
	}
	for name, value := range c.sysctls() { // the runtime may have switched IPv6 off in a container without a network
		if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o600); err != nil {
			return err
		}
	}
	for _, args := range c.commands(ports) {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	if err := os.WriteFile(booted, []byte(c.vlan), 0o600); err != nil {
		return err
	}
	<-stop
	return nil
}
