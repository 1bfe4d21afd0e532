// Package trace holds the vocabulary of traffic paths. A path is Planned, then Probed, then judged: a Path. Each is an
// immutable value.
//
// The packages below it know each other only through these types. Package plan predicts the paths from a Snapshot: package
// walk follows the packets through the recorded kernels (package kernel), and plan compares their steps with what Felix
// should have programmed. Package probe sends probes from pods and reads the counters of nodes. Package judge compares the
// answers with the plan. Package session runs them in order.
package trace
