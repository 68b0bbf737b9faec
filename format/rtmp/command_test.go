package rtmp

import (
	"testing"

	"github.com/refstream/refstream/format/flv/amf0"
)

// TestCommandArguments: what is not there, or is of another kind, is nothing.
func TestCommandArguments(t *testing.T) {
	p := commandMessage(1, "play", 3, nil, "name", 2.5, amf0.Object{{Name: "level", Value: "error"}}, amf0.Array{{Name: "level", Value: 7.0}})
	c, err := parseCommand(p.message)
	if err != nil || c.name != "play" || c.id != 3 || len(c.args) != 5 {
		t.Fatalf("%+v, %v", c, err)
	}
	for i, want := range []string{"", "name", "", "", "", ""} {
		if got := c.text(i); got != want {
			t.Errorf("text %d is %q", i, got)
		}
		if n, ok := c.number(i); ok != (i == 2) || ok && n != 2.5 {
			t.Errorf("number %d is %v, %t", i, n, ok)
		}
	}
	for i, want := range []string{"", "", "", "error", "", ""} {
		if got := c.property(i, "level"); got != want {
			t.Errorf("property of %d is %q", i, got)
		}
	}
	if p := commandMessage(1, "bad", 0, struct{}{}); p.err == nil {
		t.Error("a value that AMF0 does not have is taken")
	}
}
