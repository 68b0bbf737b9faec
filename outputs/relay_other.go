//go:build !linux

package outputs

import "os/exec"

// endWithServer does nothing: on Windows its job ends the process with its parent; elsewhere it ends by itself, because its
// input ends, once it has opened its output.
func endWithServer(*exec.Cmd, bool) {}
