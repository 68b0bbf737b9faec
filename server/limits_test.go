package server

import (
	"net"
	"os"
	"testing"
)

// TestLimitsOf: whatever the system allows, clients and the process's own files fit into it.
func TestLimitsOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		files uint64
		own   int
		want  clientLimits
	}{
		{64, 0, clientLimits{8, 2, 2}}, {256, 8, clientLimits{54, 13, 13}}, {1024, 0, clientLimits{248, 62, 62}},
		{16, 100, clientLimits{1, 1, 1}}, {1 << 20, 0, clientLimits{4096, 1000, 256}}, {1<<64 - 1, 0, clientLimits{4096, 1000, 256}},
	} {
		got := limitsOf(c.files, c.own)
		if got != c.want {
			t.Errorf("%d files, %d of them taken: %+v, want %+v", c.files, c.own, got, c.want)
		}
		// HTTP connections have three files at the most, the consumers of two other carriers one each.
		if need := 3*got.connections + 2*got.consumers + ownFiles + c.own; c.files >= 64 && uint64(need) > c.files {
			t.Errorf("%d files: %d are needed", c.files, need)
		}
	}
}

// TestReachable: an address that is given can be asked for, also where the server listens at all of them.
func TestReachable(t *testing.T) {
	t.Parallel()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for listen, want := range map[string][2]string{
		"0.0.0.0:80": {"127.0.0.1:80", name + ":80"}, "[::]:80": {"127.0.0.1:80", name + ":80"}, ":80": {"127.0.0.1:80", name + ":80"},
		"127.0.0.1:80": {"127.0.0.1:80", ""}, "[::1]:80": {"[::1]:80", ""}, "192.0.2.1:80": {"192.0.2.1:80", ""},
	} {
		addr, err := net.ResolveTCPAddr("tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]string{Reachable(addr), elsewhere(addr)}; got != want {
			t.Errorf("%s: %q, want %q", listen, got, want)
		}
	}
}
