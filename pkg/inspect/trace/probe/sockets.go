package probe

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// Listeners implements trace.Prober. It reads /proc/net/tcp and /proc/net/tcp6 in any container of the pod: they share a network
// namespace.
//
// A socket that listens on "::" accepts both families unless it asked for one (IPV6_V6ONLY), which the table does not
// show. We assume both, unless the pod's sysctl bindv6only is set or another socket listens on 0.0.0.0: otherwise the two
// could not coexist.
func (p *Prober) Listeners(ctx context.Context, pod inspect.Pod, port uint16) (trace.Listening, error) {
	out, err := p.look(ctx, pod, newListenJob(port), "sockets")
	if err != nil {
		return trace.Listening{}, err
	}
	listening, err := parseSockets(out, pod.IPs)
	if err != nil {
		return trace.Listening{}, fmt.Errorf("read the sockets of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return listening, nil
}

// look runs a job that reads something of a pod, and returns what it printed.
func (p *Prober) look(ctx context.Context, pod inspect.Pod, j job, what string) (string, error) {
	outcomes, err := p.run(ctx, pod, []job{j})
	if err != nil {
		return "", err
	}
	if o := &outcomes[0]; o.settled() && o.code == 0 {
		return o.out, nil
	}
	return "", fmt.Errorf("read the %s of pod %s/%s: the exec broke off", what, pod.Namespace, pod.Name)
}

// parseSockets reads the listening sockets that the script found, as far as they serve one of the pod's addresses.
func parseSockets(out string, ips []netip.Addr) (trace.Listening, error) {
	var tables int
	var v6only, wildcard bool
	var l trace.Listening
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "read":
			tables++
		case "bindv6only":
			v6only = strings.HasPrefix(value, "1")
		case "broken": // InCsumErrors, the last of Tcp in /proc/net/snmp; of both families
			l.Intact = value == "0"
		case "tcp", "tcp6":
			address, err := socketAddress(value)
			if err != nil {
				return trace.Listening{}, err
			}
			all := address == netip.IPv6Unspecified()
			mine := address.IsUnspecified() || slices.Contains(ips, address)
			l.IPv4 = l.IPv4 || mine && address.Is4()
			l.IPv6 = l.IPv6 || mine && address.Is6()
			wildcard = wildcard || all
		}
	}
	if tables == 0 {
		return trace.Listening{}, fmt.Errorf("/proc/net/tcp cannot be read")
	}
	l.IPv4 = l.IPv4 || wildcard && !v6only
	return l, nil
}

// socketAddress reads the address of a socket: the words of 32 bits that the kernel holds, in its own byte order. That
// is little endian on all machines that run Kubernetes except IBM Z.
func socketAddress(s string) (netip.Addr, error) {
	text, _, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 4 && len(b) != 16 {
		return netip.Addr{}, fmt.Errorf("%.60q is not the address of a socket", s)
	}
	for word := range slices.Chunk(b, 4) {
		slices.Reverse(word)
	}
	address, _ := netip.AddrFromSlice(b)
	return address.Unmap(), nil
}
