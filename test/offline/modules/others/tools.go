//go:build tools

// Package others pins the module graph from which the lab's CoreDNS and etcd are built.
package others

import (
	_ "github.com/coredns/coredns"
	_ "go.etcd.io/etcd/server/v3"
)
