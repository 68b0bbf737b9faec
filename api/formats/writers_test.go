package formats

import (
	"testing"

	"github.com/refstream/refstream/media"
)

func TestInert(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "Marker 1": "Marker 1", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\ta": "'\ta", "a=b": "a=b", "'x": "''x",
	} {
		if got := Inert(in); got != want {
			t.Errorf("Inert(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCueTime(t *testing.T) {
	for in, want := range map[media.Seconds]string{
		0: "00:00:00.000", -1: "00:00:00.000", 1_999_999: "00:00:00.001", 59_999_999_999: "00:00:59.999",
		3_600_000_000_000: "01:00:00.000", 360_000_000_000_000 + 61_001_000_000: "100:01:01.001",
	} {
		if got := cueTime(in); got != want {
			t.Errorf("cueTime(%v) = %q, want %q", in, got, want)
		}
	}
}
