// Package trace holds the vocabulary in which traffic paths are planned, probed and judged: a Path and its Hops, the
// Probe that is sent along it, the Result that came back, and the Verdict with its Evidence and Cause.
//
// Three packages below it do the work, and know each other only through these types: plan predicts the paths from a
// Snapshot (pure), probe runs commands in pods and on nodes (all of the I/O), judge holds the one against the other
// (pure). Package session has them do so in order.
package trace
