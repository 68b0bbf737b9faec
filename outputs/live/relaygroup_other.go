//go:build !unix

package live

import "os/exec"

// relayGroup does nothing where there are no process groups.
func relayGroup(*exec.Cmd) {}

// killRelayGroup does nothing where there are no process groups.
func killRelayGroup(*exec.Cmd) {}
