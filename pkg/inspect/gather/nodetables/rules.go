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

// ruleScript prints the rules for a frontend: $1 is ip or ip6, $2 what its lines hold (the address, or " PORT " where rules name only the
// port), $3 the address as /proc/net/ip_vs has it. Only such lines leave the node, and those that show that kube-proxy works there at all.
//
// Both variants of iptables are read, the legacy one only if the kernel already has its tables: reading would create
// them. A program's exit code is the last line of its section, since that of a pipe is grep's. The
// script also looks at the other family, in case all of kube-proxy's rules of this one are gone.
const ruleScript = access.Preamble + `fam=$1 text=$2 ipvs=$3
pick() { { "$@"; echo "exit $?"; } | grep -F -e "$text" -e KUBE-SERVICES -e 'table ip' -e 'exit '; }
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
  if [ "$how" = pick ] && has nft && nft list tables 2>/dev/null | grep -q "^table $3 cni_hostport$"; then
    section pick-hostport pick nft list table "$3" cni_hostport
  fi
}
services() { grep -F "$ipvs" /proc/net/ip_vs; echo "exit 0"; }
if [ "$fam" = ip6 ]; then iptables pick ip6tables ip6; iptables other iptables ip
else iptables pick iptables ip; iptables other ip6tables ip6; fi
if [ -r /proc/net/ip_vs ]; then section pick-ipvs services; fi
` + access.Ending

// ServiceRule reports whether the rules of a node translate a frontend, in any of kube-proxy's modes: iptables of either variant,
// nftables, IPVS; a host port is the CNI plugin portmap's. A rule that refuses connections, as for a service without endpoints,
// translates nothing. It is an error if the rules cannot be read, or nothing shows that kube-proxy works on the node (eBPF
// may do its work): the absence of a rule then proves nothing.
//
// Reading rules takes privileges. calico-node and a Kind node have them; Debug's pod does not.
func ServiceRule(ctx context.Context, ways []access.Way, at inspect.Frontend, opts Options) (inspect.ServiceRule, error) {
	at.Address = at.Address.Unmap().WithZone("")
	family, text := "ip", at.Address.String()
	if at.Address.Is6() {
		family = "ip6"
	}
	if anyAddress(at.Kind) {
		text = strconv.Itoa(int(at.Port))
	}
	found, missing := read(ctx, ways, []string{at.Node}, opts, command[inspect.ServiceRule]{
		script: ruleScript, args: []string{family, text, ipvsAddress(at.Address)},
		parse: func(out []byte, _ *budget.Budget) (inspect.ServiceRule, error) { return parseRules(out, at) },
	})
	reasons := make([]string, 0, len(missing))
	for _, m := range missing {
		reasons = append(reasons, m.Reason)
	}
	if len(reasons) > 0 {
		return inspect.ServiceRule{}, fmt.Errorf("read kube-proxy's rules on node %s: %s", at.Node, strings.Join(reasons, "; "))
	}
	return found[at.Node], nil
}

// anyAddress reports whether the rules for a kind name its port, and no address: they hold for all of the node's.
func anyAddress(kind inspect.FrontendKind) bool {
	return kind == inspect.NodePort || kind == inspect.HostPort
}

// ipvsAddress is an address as /proc/net/ip_vs has it.
func ipvsAddress(a netip.Addr) string {
	if a.Is4() {
		return fmt.Sprintf("%08X", a.AsSlice())
	}
	return "[" + a.StringExpanded() + "]"
}

// parseRules looks for the rule in the output of ruleScript.
func parseRules(out []byte, at inspect.Frontend) (rule inspect.ServiceRule, err error) {
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
		if how == "pick" && translates(mode, lines, at) {
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

// translates reports whether lines of a mode's rules translate a frontend.
func translates(mode string, lines []byte, at inspect.Frontend) bool {
	pattern := servicePattern(mode, at)
	switch at.Kind {
	case inspect.NodePort:
		pattern = nodePortPattern(mode, at)
	case inspect.HostPort:
		pattern = hostPortPattern(mode, at)
	}
	if pattern == "" {
		return false
	}
	rule := regexp.MustCompile(pattern)
	for line := range bytes.Lines(lines) {
		// A node port has a rule of its own for the loopback, in IPv4.
		loopback := at.Kind == inspect.NodePort && bytes.Contains(line, []byte(" -d 127.0.0.0/8 "))
		if rule.Match(line) && !loopback {
			return true
		}
	}
	return false
}

// servicePattern matches a rule for an address of a service.
func servicePattern(mode string, at inspect.Frontend) string {
	ip, number := regexp.QuoteMeta(at.Address.String()), strconv.Itoa(int(at.Port))
	switch mode {
	case "ipvs":
		// TCP  0A600001:01BB rr
		return `^\w+\s+` + regexp.QuoteMeta(ipvsAddress(at.Address)) + fmt.Sprintf(`:%04X\s`, at.Port)
	case "nftables":
		// 10.96.0.1 . tcp . 443 comment "default/kubernetes:https" : goto service-2QRHZV4L-default/kubernetes/tcp/https
		return `\b` + ip + ` \. \w+ \. ` + number + ` (comment "[^"]*" )?: goto (service|external)-`
	case "hostport":
		return ""
	default:
		// -A KUBE-SERVICES -d 10.96.0.1/32 -p tcp … --dport 443 -j KUBE-SVC-NPX46M4PTMTKRN6Y
		// The chain is KUBE-SVL-… with the internal traffic policy Local, KUBE-EXT-… or KUBE-FW-… for addresses outside of the cluster.
		bits := strconv.Itoa(inspect.FamilyOf(at.Address).Bits())
		return `^-A KUBE-SERVICES .*-d ` + ip + `/` + bits + ` .*--dport ` + number + ` .*-j KUBE-(SVC|SVL|EXT|FW|XLB)-`
	}
}

// nodePortPattern matches a rule for a node port.
func nodePortPattern(mode string, at inspect.Frontend) string {
	number := strconv.Itoa(int(at.Port))
	switch mode {
	case "ipvs":
		return servicePattern(mode, at)
	case "nftables":
		// tcp . 30080 comment "default/web:http" : goto external-X2Y3-default/web/tcp/http
		return `\b\w+ \. ` + number + ` (comment "[^"]*" )?: goto (service|external)-`
	case "hostport":
		return ""
	default:
		// -A KUBE-NODEPORTS -p tcp … --dport 30080 -j KUBE-EXT-NPX46M4PTMTKRN6Y
		return `^-A KUBE-NODEPORTS .*--dport ` + number + ` .*-j KUBE-(SVC|SVL|EXT|XLB)-`
	}
}

// hostPortPattern matches a rule of the CNI plugin portmap.
func hostPortPattern(mode string, at inspect.Frontend) string {
	number := strconv.Itoa(int(at.Port))
	switch mode {
	case "ipvs", "nftables":
		return ""
	case "hostport":
		// tcp dport 8080 dnat to [fd00::1]:80 comment "…", in the table of its family (plugins/meta/portmap/portmap_nftables.go)
		return `\bdport ` + number + ` dnat to `
	default:
		// -A CNI-HOSTPORT-DNAT -p tcp … --dports 8080,8443 -j CNI-DN-0123456789abcdef01234
		return `^-A CNI-HOSTPORT-DNAT .*--dports? (\d+,)*` + number + `(,\d+)* .*-j CNI-DN-`
	}
}
