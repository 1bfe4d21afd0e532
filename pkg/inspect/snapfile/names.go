package snapfile

import (
	"fmt"
	"io"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Names reads the words for a shell's completion: a Snapshot with only the names and addresses of nodes, pods and
// services, at most limit of each, and of the lab. It stops before the tables, and gives up on a file that is too large
// for completion.
func Names(r io.Reader, limit int) (*inspect.Snapshot, error) {
	s, err := names(r, limit)
	if err != nil {
		return nil, fmt.Errorf("read names in snapshot: %w", brief(err))
	}
	return s, nil
}

func names(r io.Reader, limit int) (*inspect.Snapshot, error) {
	d, err := newDecoder(r, limits{Compressed: 16 << 20, Plain: 64 << 20, Object: 4 << 20, Values: 1 << 16, Memory: 32 << 20})
	if err != nil {
		return nil, err
	}
	if _, err := d.head(); err != nil {
		return nil, err
	}
	s := &inspect.Snapshot{}
	d.trim = func(object any) bool {
		switch o := object.(type) {
		case *inspect.Node:
			*o = inspect.Node{Name: o.Name, InternalIPs: o.InternalIPs}
			return len(s.Nodes) < limit
		case *inspect.Pod:
			*o = inspect.Pod{Namespace: o.Namespace, Name: o.Name, Node: o.Node, HostNetwork: o.HostNetwork}
			return len(s.Pods) < limit
		case *inspect.Service:
			*o = inspect.Service{Namespace: o.Namespace, Name: o.Name, ClusterIPs: o.ClusterIPs}
			return len(s.Services) < limit
		default:
			return false
		}
	}
	if err := d.object(s); err != nil {
		return nil, err
	}
	return &inspect.Snapshot{Nodes: s.Nodes, Pods: s.Pods, Services: s.Services, Lab: s.Lab}, nil
}
