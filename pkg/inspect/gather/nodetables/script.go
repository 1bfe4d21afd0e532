package nodetables

// Script prints every table of a node. It is fixed: no text of a cluster ever becomes part of a shell line.
//
// It asks for little: a POSIX shell, grep, and iproute2's ip, which is what the calico-node image has (no bridge, no
// sysctl). "ip -f bridge neigh" is the dump that "bridge fdb" prints too; asked without a device it names the device of
// each entry, and no device name has to be put into a command. Reading needs no privilege.
//
// Each section stands between a begin and an exit line, the latter with the exit code and followed by what the command
// said on standard error, so that a table that could not be read differs from an empty one. The last line is the end
// mark, without which the output was cut off. JSON never holds a line break, so no table can forge a mark.
//
// The sysctls are read with grep because the kernel gives only the first byte of one to a shell that reads by bytes.
const Script = preamble + `sysctls() {
  cd /proc/sys/net && grep -Hs . ipv4/ip_forward ipv4/conf/*/rp_filter \
    ipv6/conf/*/disable_ipv6 ipv6/conf/*/forwarding ipv6/conf/*/accept_ra; [ $? -lt 3 ]
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
` + ending

// preamble is how every script for nodes begins: section NAME COMMAND… runs a command between marks.
const preamble = `export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
section() {
  printf '\n` + mark + ` begin %s\n' "$1"; name=$1; shift
  { err=$("$@" 2>&1 >&3); code=$?; } 3>&1
  printf '\n` + mark + ` exit %s %s\n%s\n' "$name" "$code" "$err"
}
`

// ending is how every script for nodes ends.
const ending = `printf '\n` + mark + ` end\n'
`

// mark begins each line that frames the output of Script.
const mark = "@dualstack-tables"

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
