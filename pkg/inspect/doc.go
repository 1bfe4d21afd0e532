// Package inspect holds the vocabulary of every inspector: the Snapshot (the facts as observed on a cluster) with its
// types, and the shape of the reports that analyses return.
//
// It judges nothing and reads nothing. Package gather fills a Snapshot from a live cluster, package snapfile from a file;
// package felix computes what a node's kernel is expected to hold; one package per inspector compares the two.
package inspect
