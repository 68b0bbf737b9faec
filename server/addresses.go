package server

import (
	"net"
	"os"
	"strconv"
)

// Reachable is host and port of a listener as they can be asked for from this machine: where it listens at all of the machine's
// addresses, which is what 0.0.0.0 and [::] stand for, 127.0.0.1 is one of them.
func Reachable(addr net.Addr) string {
	if port, all := everywhere(addr); all {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr.String()
}

// elsewhere is host and port as they can be asked for from other machines, empty where they can't or the machine has no name.
func elsewhere(addr net.Addr) string {
	port, all := everywhere(addr)
	name, err := os.Hostname()
	if !all || err != nil {
		return ""
	}
	return net.JoinHostPort(name, port)
}

// everywhere reports whether a listener is at all of the machine's addresses.
func everywhere(addr net.Addr) (port string, all bool) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || tcp.IP != nil && !tcp.IP.IsUnspecified() {
		return "", false
	}
	return strconv.Itoa(tcp.Port), true
}
