package annotate

import (
	"slices"
	"strings"
	"testing"
)

// TestStreamsWithoutPicStruct has no room for a timecode: the user data is there all the same, and the HRD delays that
// a decoder needs stay.
func TestStreamsWithoutPicStruct(t *testing.T) {
	for _, c := range []struct{ name, x264, args string }{
		{"plain", "", "-bf 2"},
		{"HRD", "nal-hrd=vbr", "-bf 2 " + hrdArgs},
		{"HRD, slices", "nal-hrd=cbr:slices=3", "-bf 0 -b:v 400k " + hrdArgs},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			clock := clockOf(30, 1, false)
			units := encode(t, clock, 1000, 30, c.x264, strings.Fields(c.args)...)
			out := annotateAll(t, clock, units, false)
			for i, frame := range decode(t, out) {
				checkUserData(t, clock, 1000+int64(i), frame.userData)
				if len(frame.timecodes) != 0 {
					t.Errorf("frame %d: timecodes %v", 1000+i, frame.timecodes)
				}
			}
			before, after := traceSEI(t, write(t, join(units))), traceSEI(t, out)
			if len(before) != 30 || len(after) != 30 {
				t.Fatalf("%d and %d access units were traced, want 30", len(before), len(after))
			}
			for i := range after {
				was, is := withoutUserData(before[i]), withoutUserData(after[i])
				if !slices.EqualFunc(was, is, equalMessages) {
					t.Errorf("unit %d: other messages were %v and are %v", i, was, is)
				}
			}
		})
	}
}

func withoutUserData(all []tracedMessage) []tracedMessage {
	return slices.DeleteFunc(slices.Clone(all), func(m tracedMessage) bool { return m.name == "User Data Unregistered" })
}

// equalMessages leaves out how a message ends: that depends on what follows it in the NAL unit.
func equalMessages(a, b tracedMessage) bool {
	for name, v := range a.fields {
		if !strings.HasPrefix(name, "rbsp_") && b.fields[name] != v {
			return false
		}
	}
	return a.name == b.name
}
