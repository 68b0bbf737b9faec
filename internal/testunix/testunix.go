// Package testunix is test code: what tests ask of a Unix system. Elsewhere they are built, and fail with an error that states why.
package testunix
