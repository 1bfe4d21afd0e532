package trace

import "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"

// RecordType is the type of the DNS records that hold addresses of a family (RFC 1035, RFC 3596).
func RecordType(f inspect.Family) string {
	if f == inspect.IPv6 {
		return "AAAA"
	}
	return "A"
}
