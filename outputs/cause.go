package outputs

import (
	"errors"
	"net"
)

// cause is an error's text without the addresses of connections: the local one is another one with each attempt, and the
// same cause must read the same. They stand in errors of connections, also in those within one another, and in what the
// search for a name says about the connection to its server.
func cause(err error) string {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok {
		return err.Error()
	}
	for {
		inner, ok := errors.AsType[*net.OpError](op.Err)
		if !ok {
			break
		}
		op = inner
	}
	if dns, ok := errors.AsType[*net.DNSError](op.Err); ok {
		return op.Op + ": look up " + dns.Name + ": " + dnsCause(dns)
	}
	return op.Op + ": " + op.Err.Error()
}

// dnsCause is why a name was not found.
func dnsCause(err *net.DNSError) string {
	switch {
	case err.IsNotFound:
		return "no such host"
	case err.IsTimeout:
		return "the name server does not answer in time"
	}
	return "the name server is of no help"
}
