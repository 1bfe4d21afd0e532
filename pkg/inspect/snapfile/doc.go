// Package snapfile keeps a Snapshot in a file.
//
// A file is gzip around lines of text (see zcat):
//
//	{"apiVersion":"dualstack/v1alpha1","kind":"Snapshot","tool":"v0.1.0","taken":"2026-08-20T10:00:00Z"}
//	{"gathered":["nodes","node tables"],"nodes":[{"name":"worker",…}],…}
//	{"node":"worker","links":[…],"addresses":[…],"rules":[…],"sysctls":{…}}
//	route 192.168.92.0/26 via 192.168.92.0 dev vxlan.calico proto boot mtu 1450 onlink
//	neigh 192.168.92.0 dev vxlan.calico lladdr 66:a7:cb:3a:13:53 nud PERMANENT
//	fdb 66:a7:cb:3a:13:53 dev vxlan.calico dst 10.10.10.12 permanent
//
// The first line identifies the file, the second holds the Snapshot without the nodes' tables, as JSON. The nodes that
// were read follow, in order of name: a line of JSON with the short tables, and one line per route,
// neighbour and forwarding entry in the notation of iproute2. A cluster of a thousand nodes has six million of
// them. Reading them takes a second or two; encoding/json took eight times as long. In words, a space, a control
// character or a per cent sign becomes %XX; absent values are left out.
//
// Equal Snapshots give equal bytes. A file is not trusted: Read reads it within bounds, and opens nothing else. Its
// text is as untrusted as any from a cluster.
package snapfile
