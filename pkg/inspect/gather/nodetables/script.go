package nodetables

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// Script prints every table of a node. It is fixed: no text of a cluster ever becomes part of a shell line.
//
// It needs a POSIX shell, grep, and iproute2's ip, which the calico-node image has (no bridge, no sysctl), and uses
// cksum where it exists. "ip -f bridge neigh" is the dump that "bridge fdb" prints too; without a device argument it names the device of
// each entry, so no device name becomes part of a command. Reading needs no privilege.
//
// The sysctls are read with grep because the kernel gives only the first byte of one to a shell that reads by bytes. Those of pods'
// devices leave the node only where they are not what Felix sets (felix/dataplane/linux/endpoint_mgr.go, configureInterface).
const Script = access.Preamble + `sysctls() {
  cd /proc/sys/net || return
  all=$(grep -Hs . ipv4/ip_forward ipv4/conf/*/rp_filter ipv4/conf/*/forwarding ipv4/conf/*/proxy_arp \
    ipv6/conf/*/disable_ipv6 ipv6/conf/*/forwarding ipv6/conf/*/accept_ra)
  code=$?
  printf '%s\n' "$all" | sed -e '/\/conf\/` + calico.InterfacePrefix + `/!b' -e '/ipv4.*\/forwarding:0$/b' -e '/\/proxy_arp:0$/b' -e '/\/disable_ipv6:1$/b' -e d
  [ $code -lt 3 ]
}
section link ip -j -d -s link show
section addr ip -j addr show
section route4 ip -j -4 route show table all
section route6 ip -j -6 route show table all
section rule4 ip -j -4 rule show
section rule6 ip -j -6 rule show
section neigh4 ip -j -4 neigh show
section neigh6 ip -j -6 neigh show
section fdb ip -j -f bridge neigh show
section sysctl sysctls
` + access.Ending

// The sections of Script.
const (
	sectionLink   = "link"
	sectionAddr   = "addr"
	sectionRoute4 = "route4"
	sectionRoute6 = "route6"
	sectionRule4  = "rule4"
	sectionRule6  = "rule6"
	sectionNeigh4 = "neigh4"
	sectionNeigh6 = "neigh6"
	sectionFDB    = "fdb"
	sectionSysctl = "sysctl"
)
