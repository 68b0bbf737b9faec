//go:build race

package main

// buildFlags build the program that the tests run the way the tests were built.
var buildFlags = []string{"-race"}
