package live

import (
	"errors"
	"net"
)

// cause is an error's text without the addresses of the connection: the local one is another one with each attempt, and
// the same cause must read the same.
func cause(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}
