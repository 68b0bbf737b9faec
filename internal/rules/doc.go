// Package rules holds the rules of the architecture and of the house style that a compiler doesn't know, as tests:
// which package may import which, where the clock may be read, what a test may not do. It has no code of its own.
//
// A rule is a function over parsed sources that returns what breaks it; every rule is tried on an example that
// breaks it, and then on the whole tree.
package rules
