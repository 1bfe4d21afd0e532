// Package scale measures the program on clusters of a size that no lab has: a real API server full of synthetic objects,
// a kubelet that answers after a while, a snapshot of a thousand nodes. It is run by "make bench", builds the program
// itself, and holds what it measures against targets: ratios to other programs in the same run where there is one.
package scale
