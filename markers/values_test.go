package markers

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/media"
)

func TestID(t *testing.T) {
	for _, c := range []struct {
		text string
		want ID
	}{
		{"0-0", ID{}}, {"600-1", ID{600, 1}}, {"9223372036854775807-9223372036854775807", MaxID},
	} {
		if got, err := ParseID(c.text); err != nil || got != c.want || got.String() != c.text {
			t.Errorf("%q is %v, %v, want %v", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "-", "5", "5-", "-5", "-5-1", "5--1", "5--0", "+5-1", "05-1", "5-01", "5-1-1", " 5-1",
		"9223372036854775808-1", "a-1", "$", "*"} {
		if got, err := ParseID(bad); err == nil {
			t.Errorf("%q is taken as %v", bad, got)
		}
	}
	rising := []ID{{}, {0, 1}, AtFrame(5), {5, 1}, EndOfFrame(5), AtFrame(6), {math.MaxInt64, 1}, MaxID}
	for i, a := range rising {
		for k, b := range rising {
			if got, want := a.Compare(b), min(1, max(-1, i-k)); got != want {
				t.Errorf("%v compared with %v is %d, want %d", a, b, got, want)
			}
		}
		if next := a.Next(); a != MaxID && (next.Compare(a) <= 0 || i+1 < len(rising) && next.Compare(rising[i+1]) > 0) {
			t.Errorf("after %v comes %v", a, next)
		}
	}
	if MaxID.Next() != MaxID {
		t.Errorf("after the last ID comes %v", MaxID.Next())
	}
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"0-0", "600-1", "-1-1", "5--0", "9223372036854775807-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := ParseID(text); err == nil && (id.String() != text || id.Frame < 0 || id.Sub < 0) {
			t.Fatalf("%q is %v", text, id)
		}
	})
}

func TestCheckChannelName(t *testing.T) {
	for _, good := range []string{"main", "a", "A-b_c.9", strings.Repeat("x", 64)} {
		if err := CheckChannelName(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", ".", "..", ".x", "a/b", "a b", "a\x00", "{a}", "é", strings.Repeat("x", 65), "a\n"} {
		if err := CheckChannelName(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestClock checks that every clock of a frame leads back to the frame, also far from the epoch.
func TestClock(t *testing.T) {
	for _, r := range media.FrameRates() {
		c := Clock{Rate: r, Epoch: time.Date(2026, 1, 1, 23, 59, 59, 0, time.UTC), FramesPerSegment: 2 * r.Base()}
		for _, n := range []int64{0, 1, 2, 59, 60, 17982, 107892, 1<<33 - 1, 5_000_000_000} {
			if got := c.FrameAt(c.UTC(n)); got != n {
				t.Errorf("%v: frame %d's UTC is that of frame %d", r, n, got)
			}
			if got := c.FrameAt(c.UTC(n).Add(-time.Nanosecond)); got != n-1 {
				t.Errorf("%v: a moment before frame %d is frame %d", r, n, got)
			}
			if got := c.FirstFrame(c.MSN(n)) + c.Offset(n); got != n {
				t.Errorf("%v: segment and offset of frame %d lead to %d", r, n, got)
			}
			if got, off := r.FrameAtTicks(c.PTS(n) - PTSOrigin); got != n || off != 0 {
				t.Errorf("%v: frame %d's PTS is that of frame %d, %d ticks off", r, n, got, off)
			}
		}
		if got := c.FrameAt(c.Epoch.Add(-1)); got != -1 {
			t.Errorf("%v: before the epoch is frame %d, want -1", r, got)
		}
	}
}

// The text of a triggered event breaks no line wherever it is shown.
func TestCheckText(t *testing.T) {
	for text, good := range map[string]bool{
		"": true, "a text": true, strings.Repeat("é", MaxText): true,
		strings.Repeat("é", MaxText+1): false, "two\nlines": false, "two\u2028lines": false, "\xff": false,
	} {
		if err := CheckText(text); (err == nil) != good {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}
