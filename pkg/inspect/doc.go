// Package inspect holds the vocabulary that every inspector speaks: the Snapshot (the facts as they were observed on a
// cluster), the types that it is made of, and the shape of the reports that analyses return.
//
// It judges nothing and reads nothing. Package gather fills a Snapshot from a live cluster, package snapfile from a file;
// package felix computes what a node's kernel is expected to hold; one package per inspector compares the two.
package inspect
