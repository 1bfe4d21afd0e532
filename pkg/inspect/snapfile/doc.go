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
// The first line says what the file is, the second holds all of the Snapshot but the nodes' tables, as JSON. Then
// come the nodes that were read, in order of name: a line of JSON with the short tables, and one line per route,
// neighbour and forwarding entry in the notation of iproute2. In a cluster of a thousand nodes there are six million
// of those, which are read in a second or two; with encoding/json it was eight times that. A word that holds a space,
// a control character or a per cent sign has it as %XX; what is absent is left out.
//
// Equal Snapshots give equal bytes. A file is not trusted: it is read in bounds, see Read, and reading it opens
// nothing else. What it says is text from a cluster like any other.
package snapfile
