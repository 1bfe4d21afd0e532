package nodetables

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// natScript sums up what the rules of a node translate: one line for each kind of rule, with their number. Thousands of
// services make thousands of rules, so no rule leaves the node. A node port has one more rule for the loopback, in IPv4 only.
//
// Both variants of iptables are read, the legacy one only if the kernel already has its tables: reading would create them.
// Reading rules takes privileges, which calico-node and a Kind node have.
const natScript = `has() { command -v "$1" >/dev/null 2>&1; }
saved() {
  { "$@" -t nat && "$@" -t filter && echo whole; } | sed -n -e '/ -d 127.0.0.0.8 /d' -e 's/^:KUBE-SERVICES .*/proxy/p' -e 's/^:cali-.*/felix/p' \
    -e 's/^-A KUBE-SERVICES .*-j KUBE-SVC-.*/service/p' -e 's/^-A KUBE-NODEPORTS .*-j KUBE-EXT-.*/nodeport/p' \
    -e 's/^-A KUBE-NODEPORTS .*-j KUBE-SVC-.*/nodeport/p' -e 's/^-A KUBE-NODEPORTS .*-j KUBE-XLB-.*/nodeport/p' \
    -e 's/^-A CNI-HOSTPORT-DNAT .*--dports* \([0-9,]*\) .*/hostport \1/p' -e 's/^whole$/whole/p' | sort | uniq -c
}
nftables() {
  tables=$(nft list tables) || return 1
  case "$tables" in *"table $1 kube-proxy"*)
    echo "1 proxy"
    echo "$(nft list map "$1" kube-proxy service-ips | grep -c ' : goto ') service"
    echo "$(nft list map "$1" kube-proxy service-nodeports | grep -c ' : goto ') nodeport" ;;
  esac
  case "$tables" in *"table $1 calico"*) echo "1 felix" ;; esac
  case "$tables" in *"table $1 cni_hostport"*)
    nft list table "$1" cni_hostport | sed -n 's/.*dport \([0-9]*\) dnat to .*/1 hostport \1/p' ;;
  esac
  case "$tables" in *"table inet cni_hostport"*)
    nft list table inet cni_hostport | sed -n "s/.* $2 .*dport \([0-9]*\) .*dnat .*/1 hostport \1/p" ;;
  esac
  echo "1 whole"
}
ipvs() { sed -n -e "s/^[A-Z]* *$1:\([0-9A-F]\{4\}\) .*/ipvs \1/p" /proc/net/ip_vs | sort | uniq -c; echo "1 whole"; }
rules() {
  main=$2-save
  if has "$2-nft-save"; then main=$2-nft-save; fi
  if has "$main"; then section "$1-nft" saved "$main"; fi
  if [ "$main" != "$2-save" ] && has "$2-legacy-save" && grep -qs nat "/proc/net/${2%tables}_tables_names"; then
    section "$1-legacy" saved "$2-legacy-save"
  fi
  if has nft; then section "$1-nftables" nftables "$3" "$4"; fi
  if [ -r /proc/net/ip_vs ]; then section "$1-ipvs" ipvs "$5"; fi
}
rules nat4 iptables ip 'ip saddr' '[0-9A-F]\{8\}'
rules nat6 ip6tables ip6 'ip6 saddr' '\[[0-9a-f:]*\]'
`

// natCost is how much memory a byte of natScript's sections may become: a port of two bytes is an int in a list that grows.
const natCost = 12

// parseNAT reads the sections of natScript. A section that was not read whole proves nothing about what it lacks.
func parseNAT(sections map[string]access.Section) (inspect.ByFamily[inspect.NAT], error) {
	var all inspect.ByFamily[inspect.NAT]
	var failures []error
	found := false
	for name, prefix := range map[inspect.Family]string{inspect.IPv4: "nat4-", inspect.IPv6: "nat6-"} {
		var nat inspect.NAT
		for _, kind := range []string{"nft", "legacy", "nftables", "ipvs"} {
			s, ok := sections[prefix+kind]
			if !ok {
				continue
			}
			found = true
			if err := sumUp(&nat, kind, s); err != nil {
				failures = append(failures, fmt.Errorf("%s%s: %w", prefix, kind, err))
			}
		}
		slices.Sort(nat.HostPorts)
		nat.HostPorts = slices.Compact(nat.HostPorts)
		all.Set(name, nat)
	}
	if !found {
		return all, errors.New("the node's container has neither iptables nor nft")
	}
	return all, errors.Join(failures...)
}

// nodePorts is the default range of node ports: IPVS does not tell them from others.
const firstNodePort, lastNodePort = 30000, 32767

// sumUp adds the lines of a section, NUMBER WHAT [PORTS], to what is translated.
func sumUp(nat *inspect.NAT, kind string, s access.Section) error {
	whole := false
	for line := range strings.Lines(string(s.Out)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		n, err := strconv.Atoi(fields[0])
		if err != nil {
			return fmt.Errorf("unexpected line %.40q", line)
		}
		switch ports := fields[2:]; fields[1] {
		case "whole":
			whole = true
		case "proxy":
			nat.KubeProxy = append(nat.KubeProxy, kind)
		case "felix":
			nat.Felix = append(nat.Felix, kind)
		case "service":
			nat.Services += n
		case "nodeport":
			nat.NodePorts += n
		case "hostport":
			nat.HostPorts = append(nat.HostPorts, portsOf(ports, 10)...)
		case "ipvs":
			if !slices.Contains(nat.KubeProxy, kind) {
				nat.KubeProxy = append(nat.KubeProxy, kind)
			}
			nat.Services += n
			for _, port := range portsOf(ports, 16) {
				if port >= firstNodePort && port <= lastNodePort {
					nat.NodePorts++
				}
			}
		}
	}
	if !whole {
		return fmt.Errorf("cannot be read %s", s.Stderr)
	}
	return nil
}

// portsOf reads lists of ports such as "80,443".
func portsOf(fields []string, base int) []int {
	var ports []int
	for _, list := range fields {
		for text := range strings.SplitSeq(list, ",") {
			if port, err := strconv.ParseUint(text, base, 16); err == nil {
				ports = append(ports, int(port))
			}
		}
	}
	return ports
}
