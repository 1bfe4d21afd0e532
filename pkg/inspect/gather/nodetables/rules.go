package nodetables

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/budget"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// ruleScript prints kube-proxy's rules for an address: $1 is ip or ip6, $2 the address, $3 the address as
// /proc/net/ip_vs has it. Only the lines with the address leave the node, and those that show that
// kube-proxy works there at all.
//
// Both variants of iptables are read, the legacy one only if the kernel already has its tables: reading would create
// them. A program's exit code is the last line of its section, since that of a pipe is grep's. The
// script also looks at the other family, in case all of kube-proxy's rules of this one are gone.
const ruleScript = access.Preamble + `fam=$1 addr=$2 ipvs=$3
pick() { { "$@"; echo "exit $?"; } | grep -F -e "$addr" -e KUBE-SERVICES -e 'table ip' -e 'exit '; }
other() { { "$@"; echo "exit $?"; } | grep -F -e :KUBE-SERVICES -e 'table ip' -e 'exit '; }
has() { command -v "$1" >/dev/null 2>&1; }
iptables() {
  how=$1 tables=$2 main=$tables-save
  if has "$tables-nft-save"; then main=$tables-nft-save; fi
  if has "$main"; then section "$how-iptables" "$how" "$main" -t nat; fi
  if [ "$main" != "$tables-save" ] && has "$tables-legacy-save" && grep -qs nat "/proc/net/${tables%tables}_tables_names"; then
    section "$how-legacy" "$how" "$tables-legacy-save" -t nat
  fi
  if has nft && nft list tables 2>/dev/null | grep -q "^table $3 kube-proxy$"; then
    section "$how-nftables" "$how" nft list table "$3" kube-proxy
  fi
}
services() { grep -F "$ipvs" /proc/net/ip_vs; echo "exit 0"; }
if [ "$fam" = ip6 ]; then iptables pick ip6tables ip6; iptables other iptables ip
else iptables pick iptables ip; iptables other ip6tables ip6; fi
if [ -r /proc/net/ip_vs ]; then section pick-ipvs services; fi
` + access.Ending

// ServiceRule reports whether kube-proxy translates an address and port of a service on a node, in any of its modes:
// iptables of either variant, nftables, IPVS. A rule that refuses connections, as for a service without endpoints,
// translates nothing. It is an error if the rules cannot be read, or nothing shows that kube-proxy works on the node (eBPF
// may do its work): the absence of a rule then proves nothing.
//
// Reading rules takes privileges. calico-node and a Kind node have them; Debug's pod does not.
func ServiceRule(
	ctx context.Context, ways []access.Way, node string, address netip.Addr, port uint16, opts Options,
) (inspect.ServiceRule, error) {
	address = address.Unmap().WithZone("")
	family := "ip"
	if address.Is6() {
		family = "ip6"
	}
	found, missing := read(ctx, ways, []string{node}, opts, command[inspect.ServiceRule]{
		script: ruleScript, args: []string{family, address.String(), ipvsAddress(address)},
		parse: func(out []byte, _ *budget.Budget) (inspect.ServiceRule, error) { return parseRules(out, address, port) },
	})
	reasons := make([]string, 0, len(missing))
	for _, m := range missing {
		reasons = append(reasons, m.Reason)
	}
	if len(reasons) > 0 {
		return inspect.ServiceRule{}, fmt.Errorf("read kube-proxy's rules on node %s: %s", node, strings.Join(reasons, "; "))
	}
	return found[node], nil
}

// ipvsAddress is an address as /proc/net/ip_vs has it.
func ipvsAddress(a netip.Addr) string {
	if a.Is4() {
		return fmt.Sprintf("%08X", a.AsSlice())
	}
	return "[" + a.StringExpanded() + "]"
}

// parseRules looks for the rule in the output of ruleScript.
func parseRules(out []byte, address netip.Addr, port uint16) (rule inspect.ServiceRule, err error) {
	sections, err := access.Sections(out)
	if err != nil {
		return rule, err
	}
	proxied := false
	var failures []error
	for name, s := range sections {
		lines, ok := bytes.CutSuffix(bytes.TrimSpace(s.Out), []byte("exit 0"))
		if !ok {
			failures = append(failures, fmt.Errorf("%s: %s", name, strings.TrimSpace("cannot be read "+s.Stderr)))
			continue
		}
		how, mode, _ := strings.Cut(name, "-")
		if bytes.Contains(lines, []byte("KUBE-SERVICES")) || mode == "nftables" || mode == "ipvs" && len(lines) > 0 {
			proxied = true
			if how == "pick" && !rule.There {
				rule.Kind = mode
			}
		}
		if how == "pick" && translates(mode, lines, address, port) {
			rule = inspect.ServiceRule{There: true, Kind: mode}
		}
	}
	switch {
	case rule.There:
		return rule, nil
	case len(failures) > 0:
		return rule, errors.Join(failures...)
	case !proxied:
		return rule, errors.New("there are no rules of kube-proxy, of either family")
	default:
		return rule, nil
	}
}

// translates reports whether lines of a mode's rules translate the address and port.
func translates(mode string, lines []byte, address netip.Addr, port uint16) bool {
	ip, number := regexp.QuoteMeta(address.String()), strconv.Itoa(int(port))
	var rule string
	switch mode {
	case "ipvs":
		// TCP  0A600001:01BB rr
		rule = `(?m)^\w+\s+` + regexp.QuoteMeta(ipvsAddress(address)) + fmt.Sprintf(`:%04X\s`, port)
	case "nftables":
		// 10.96.0.1 . tcp . 443 comment "default/kubernetes:https" : goto service-2QRHZV4L-default/kubernetes/tcp/https
		rule = `\b` + ip + ` \. \w+ \. ` + number + ` (comment "[^"]*" )?: goto (service|external)-`
	default:
		// -A KUBE-SERVICES -d 10.96.0.1/32 -p tcp … --dport 443 -j KUBE-SVC-NPX46M4PTMTKRN6Y
		bits := strconv.Itoa(inspect.FamilyOf(address).Bits())
		rule = `(?m)^-A KUBE-SERVICES .*-d ` + ip + `/` + bits + ` .*--dport ` + number + ` .*-j KUBE-SVC-`
	}
	return regexp.MustCompile(rule).Match(lines)
}
