package session

import (
	"context"
	"time"
)

// Within is the deadline of Run, for tests of its parts.
func Within(ctx context.Context, c Cluster, deadline time.Duration) (context.Context, func()) {
	return c.within(ctx, deadline)
}
