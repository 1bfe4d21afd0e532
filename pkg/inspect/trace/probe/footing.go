package probe

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// Footing implements trace.Prober. It reads /proc/net of any container of the pod, and needs no tool but a shell.
func (p *Prober) Footing(ctx context.Context, pod inspect.Pod, own netip.Addr) (trace.Footing, error) {
	out, err := p.look(ctx, pod, newOwnJob(own.Unmap()), "addresses")
	if err != nil {
		return trace.Footing{}, err
	}
	return parseFooting(out)
}

// Flags of an IPv6 address in /proc/net/if_inet6 (linux/if_addr.h): IFA_F_DADFAILED and IFA_F_TENTATIVE.
const unusable = 0x08 | 0x40

// parseFooting reads what the script found. Without its last line the tables were not read whole.
func parseFooting(out string) (trace.Footing, error) {
	var f trace.Footing
	whole := false
	for line := range strings.Lines(out) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), " "); key {
		case "held":
			flags, err := strconv.ParseUint(value, 16, 32)
			if err != nil {
				return trace.Footing{}, fmt.Errorf("%.60q are not the flags of an address", value)
			}
			f.Held = true
			f.Tentative = flags&unusable != 0
		case "default":
			f.Default = true
		case "whole":
			whole = true
		}
	}
	if !whole {
		return trace.Footing{}, fmt.Errorf("/proc/net cannot be read")
	}
	return f, nil
}
