#!/bin/sh
# Lays network namespace $1 out as Felix leaves a node, with oddities that a node may have besides. Namespace $2 is what
# the node is plugged into. Needs root.
set -eu
node=$1 peer=$2

set_sysctl() { ip netns exec "$node" sh -c "echo $2 >/proc/sys/net/$1"; }

ip -n "$node" link set lo up
# An address that never gets through duplicate address detection, since there is no carrier.
ip -n "$node" link add eth2 index 10 address 02:00:00:00:00:10 type veth peer name eth2 netns "$peer"
set_sysctl ipv6/conf/all/accept_dad 0
set_sysctl ipv6/conf/default/accept_dad 0
ip -n "$node" link set eth2 up
ip -n "$node" addr add fd00:10:20::10/64 dev eth2

ip -n "$node" link add eth1 index 11 mtu 1500 address 02:00:00:00:00:11 type veth peer name eth1 netns "$peer"
ip -n "$peer" link set eth1 up
ip -n "$node" link set eth1 up
ip -n "$node" addr add 10.10.10.10/24 dev eth1
ip -n "$node" addr add fd00:10:10::10/64 dev eth1
ip -n "$node" route add default via 10.10.10.1 dev eth1
ip -n "$node" route add default via fd00:10:10::1 dev eth1

# Felix's devices. Vectors: the addresses are those of nodes dual-stack-control-plane, -worker and -worker2.
ip -n "$node" link add vxlan.calico index 12 mtu 1450 address 66:24:4b:f3:cd:ec \
  type vxlan id 4096 dev eth1 local 10.10.10.10 dstport 4789 nolearning
ip -n "$node" link add vxlan-v6.calico index 13 mtu 1430 address 66:ea:8e:de:57:b9 \
  type vxlan id 4096 dev eth1 local fd00:10:10::10 dstport 4789 nolearning
ip -n "$node" link set vxlan.calico up
ip -n "$node" link set vxlan-v6.calico up
ip -n "$node" addr add 192.168.82.0/32 dev vxlan.calico
ip -n "$node" addr add fd00:10:244:1b38:1133:7e2c:be1e:4d00/128 dev vxlan-v6.calico

# Neighbours and forwarding entries of the other nodes; one entry that was learned.
ip -n "$node" neigh add 192.168.215.0 lladdr 66:9f:32:6d:7b:c8 dev vxlan.calico nud permanent
ip -n "$node" neigh add 192.168.92.0 lladdr 66:a7:cb:3a:13:53 dev vxlan.calico nud permanent
ip -n "$node" neigh add fd00:10:244:aaaa::40 lladdr 66:ee:a7:ef:78:65 dev vxlan-v6.calico nud permanent
ip -n "$node" neigh add fd00:10:244:bbbb::80 lladdr 66:52:6a:03:c1:3b dev vxlan-v6.calico nud permanent
bridge -n "$node" fdb add 66:9f:32:6d:7b:c8 dev vxlan.calico dst 10.10.10.11 self permanent
bridge -n "$node" fdb add 66:a7:cb:3a:13:53 dev vxlan.calico dst 10.10.10.12 self permanent
bridge -n "$node" fdb add 66:ee:a7:ef:78:65 dev vxlan-v6.calico dst fd00:10:10::11 self permanent
bridge -n "$node" fdb add 66:52:6a:03:c1:3b dev vxlan-v6.calico dst fd00:10:10::12 self permanent
bridge -n "$node" fdb add 66:52:6a:03:c1:3c dev vxlan-v6.calico dst fd00:10:10::13 self dynamic

# Routes of blocks: direct, tunnelled with and without an MTU, borrowed, to a tunnel address, and the node's own.
ip -n "$node" route add 192.168.215.0/26 via 10.10.10.11 dev eth1 proto 80 onlink
ip -n "$node" route add 192.168.92.0/26 via 192.168.92.0 dev vxlan.calico onlink mtu 1450
ip -n "$node" route add 192.168.77.0/26 via 192.168.92.0 dev vxlan.calico onlink mtu lock 1450
ip -n "$node" route add 192.168.215.7 via 192.168.215.0 dev vxlan.calico onlink
ip -n "$node" route add 192.168.92.0 dev vxlan.calico scope link
ip -n "$node" route add blackhole 192.168.82.0/26 proto 80
ip -n "$node" route add fd00:10:244:aaaa::40/122 via fd00:10:244:aaaa::40 dev vxlan-v6.calico onlink mtu 1430
ip -n "$node" route add fd00:10:244:bbbb::80/122 via fd00:10:244:bbbb::80 dev vxlan-v6.calico onlink
ip -n "$node" route add blackhole fd00:10:244:1b38:1133:7e2c:be1e:4d00/122 proto 80

# A pod, not plugged in at its end.
ip -n "$node" link add cali12345678901 index 14 mtu 1430 address ee:ee:ee:ee:ee:ee type veth peer name eth0 netns "$peer"
ip -n "$node" link set cali12345678901 up
ip -n "$node" route add 192.168.82.5 dev cali12345678901 scope link metric 1024
ip -n "$node" route add fd00:10:244:1b38:1133:7e2c:be1e:4d05 dev cali12345678901
ip -n "$node" neigh add 192.168.82.5 lladdr 02:00:00:00:00:05 dev cali12345678901 nud permanent

# Routes that Felix does not make: rejecting ones, several next hops, a gateway of the other family, another table, a
# next hop object, an encapsulation.
ip -n "$node" route add unreachable 198.51.100.0/25
ip -n "$node" route add prohibit 198.51.100.128/25
ip -n "$node" route add 203.0.113.0/24 nexthop via 10.10.10.1 dev eth1 weight 1 nexthop via 10.10.10.2 dev eth1 weight 2
ip -n "$node" route add 2001:db8:1::/64 nexthop via fd00:10:10::1 dev eth1 nexthop via fd00:10:10::2 dev eth1
ip -n "$node" route add 198.18.0.0/15 via inet6 fd00:10:10::1 dev eth1
ip -n "$node" route add 172.30.0.0/16 via 10.10.10.1 dev eth1 table 100 src 10.10.10.10 metric 50 proto bird
ip -n "$node" nexthop add id 5 via 10.10.10.1 dev eth1
ip -n "$node" route add 172.31.0.0/24 nhid 5
ip -n "$node" route add 172.31.1.0/24 encap ip id 100 dst 10.10.10.9 dev vxlan.calico

ip -n "$node" rule add from 10.10.10.0/24 table 100 prio 100
ip -n "$node" rule add fwmark 0x100000/0x100000 table 200 prio 99
ip -n "$node" rule add to 172.30.1.1 iif eth1 table 100 prio 98
ip -n "$node" rule add not from 10.9.0.0/16 table 100 prio 97
ip -n "$node" rule add to 203.0.113.0/24 blackhole prio 96
ip -n "$node" rule add table main suppress_prefixlength 0 prio 95
ip -n "$node" -6 rule add from fd00:10:10::/64 table 100 prio 100
ip -n "$node" -6 rule add unreachable from fd00:dead::/64 prio 50
ip -n "$node" -6 rule add goto 32766 prio 49

# Other devices: a bridge with a VXLAN port that learns, and a flow-based VXLAN device.
ip -n "$node" link add br0 index 15 address 02:00:00:00:00:15 type bridge
ip -n "$node" addr add 10.99.0.1 peer 10.99.0.2/32 dev br0
ip -n "$node" link add vxlan7 index 16 address 02:00:00:00:00:16 type vxlan id 7 dev eth1 remote 10.10.10.55 dstport 4791
ip -n "$node" link set vxlan7 master br0
ip -n "$node" link add flow index 17 address 02:00:00:00:00:17 type vxlan external dstport 4790
