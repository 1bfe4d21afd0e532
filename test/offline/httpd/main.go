// Command httpd is all there is in the image offline/static: a web server, no shell and no tools. Tests use it for
// pods in which nothing can be run, and, with -family, for an application that listens on one family only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	port := flag.Int("port", 8080, "port to listen on")
	family := flag.String("family", "both", "families to listen on: both, ipv4 or ipv6")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *family, *port); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, family string, port int) error {
	network, ok := map[string]string{"both": "tcp", "ipv4": "tcp4", "ipv6": "tcp6"}[family]
	if !ok {
		return fmt.Errorf("unknown family %q: both, ipv4 or ipv6", family)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, network, fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	server := http.Server{Handler: http.HandlerFunc(answer), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// answer names the pod that answers and who it saw asking.
func answer(w http.ResponseWriter, r *http.Request) {
	host, _ := os.Hostname()
	fmt.Fprintf(w, "%s %s\n", host, r.RemoteAddr)
}
