package cmd

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// TestSignalsEndInGoodOrder: a terminal that is closed ends the work as Ctrl-C does, unless nohup was asked for.
func TestSignalsEndInGoodOrder(t *testing.T) {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		guard := make(chan os.Signal, 1) // else a signal that nobody handles would end the tests
		signal.Notify(guard, sig)
		ctx, stop := signal.NotifyContext(context.Background(), endings()...)
		if err := self.Signal(sig); err != nil {
			t.Skipf("%v cannot be sent here: %v", sig, err)
		}
		<-guard
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
			t.Errorf("%v does not end the work", sig)
		}
		stop()
		signal.Stop(guard)
	}
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	for _, sig := range endings() {
		if sig == syscall.SIGHUP {
			t.Error("a hang-up that nohup has ignored is handled")
		}
	}
}
