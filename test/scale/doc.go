// Package scale measures the program on clusters of a size that no lab has: a real API server full of synthetic objects,
// a kubelet that answers after a while, a snapshot of a thousand nodes. "make bench" runs it. It builds the program
// itself, and compares its measurements with targets: ratios to other programs in the same run if there is one.
package scale
