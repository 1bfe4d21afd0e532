// Package podexec runs commands in containers, and puts up with what an exec is: a flaky transport.
//
// A Stream is the bare transport. Output adds what every caller needs: a bound on time and output, errors in words, and
// the difference between a failure that stands (IsPermanent) and one that another attempt may not meet. What the output
// means, and whether it is complete, is for the caller to say; Retry asks it.
package podexec
