package trace

import (
	"fmt"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// RecordType is the type of the DNS records that hold addresses of a family (RFC 1035, RFC 3596).
func RecordType(f inspect.Family) string {
	if f == inspect.IPv6 {
		return "AAAA"
	}
	return "A"
}

// Quantity counts things in words: "1 path", "2 paths".
func Quantity[N int | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
