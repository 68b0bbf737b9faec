package gaps

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/recorder"
)

// Around each finding both versions of the playlist are shown, each once and whole: in the table and in the JSON.
func TestShown(t *testing.T) {
	r := faulty(t, Options{Show: true})
	shown := map[int64]string{}
	for i, v := range r.Shown {
		if shown[v.ID] != "" || i > 0 && v.ID < r.Shown[i-1].ID || !strings.HasPrefix(v.Text, "#EXTM3U\n") {
			t.Errorf("#%d is shown twice, out of order, or is no playlist: %q", v.ID, v.Text)
		}
		shown[v.ID] = v.Text
	}
	for _, g := range r.Gaps {
		if shown[g.Before.ID] == "" || shown[g.After.ID] == "" || shown[g.Before.ID] == shown[g.After.ID] {
			t.Errorf("the versions around the gap from #%d to #%d are not shown", g.Before.ID, g.After.ID)
		}
	}
	for _, f := range r.Findings {
		for _, id := range f.Versions[:min(1, len(f.Versions))] {
			if shown[id] == "" {
				t.Errorf("%s: #%d is not shown", f.Kind, id)
			}
		}
	}
	var table, report bytes.Buffer
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteJSON(&report); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Versions []struct {
			Row      int64
			Playlist string
			Text     string
		}
	}
	if err := json.Unmarshal(report.Bytes(), &got); err != nil || len(got.Versions) != len(r.Shown) || len(r.Shown) < 4 {
		t.Fatalf("%d versions in the JSON, %d are shown, %v", len(got.Versions), len(r.Shown), err)
	}
	for i, v := range got.Versions {
		if want := r.Shown[i]; v.Row != want.ID || v.Text != want.Text || v.Playlist != "index.m3u8" {
			t.Errorf("JSON %+v, want %+v", v, want)
		}
		indented := "    " + strings.ReplaceAll(strings.TrimSuffix(v.Text, "\n"), "\n", "\n    ") + "\n"
		if !strings.Contains(table.String(), indented) {
			t.Errorf("version #%d is not whole in the table", v.Row)
		}
	}
	if plain := faulty(t, Options{}); len(plain.Shown) > 0 {
		t.Errorf("%d versions are shown unasked", len(plain.Shown))
	}
}

// A finding that names one version is shown with the one before, one that names none with those at its moment; versions of
// another run are not beside it.
func TestAround(t *testing.T) {
	list := []recorder.Version{{ID: 3, Run: 1, Seen: 1 * second}, {ID: 5, Run: 1, Seen: 2 * second}, {ID: 7, Run: 2, Seen: 1 * second}}
	for _, c := range []struct {
		found Finding
		want  []int
	}{
		{Finding{Versions: []int64{3, 5}}, []int{0, 1}},
		{Finding{Versions: []int64{3, 5, 7}}, []int{0, 2}},
		{Finding{Versions: []int64{5}}, []int{0, 1}},
		{Finding{Versions: []int64{3}}, []int{-1, 0}},
		{Finding{Moment: recorder.Moment{Run: 1, At: 1500 * second / 1000}}, []int{0, 1}},
		{Finding{Moment: recorder.Moment{Run: 1}}, []int{-1, 0}},
		{Finding{Moment: recorder.Moment{Run: 2}}, []int{1, 2}},
		{Finding{Moment: recorder.Moment{Run: 2, At: 9 * second}}, []int{2, 3}},
	} {
		first, last := around(list, &c.found)
		if got := []int{first, last}; !slices.Equal(got, c.want) {
			t.Errorf("%+v: %d, want %d", c.found, got, c.want)
		}
	}
}

// What a playlist says does not reach the terminal as it is.
func TestShownText(t *testing.T) {
	var b strings.Builder
	r := &Report{Shown: []Shown{{Text: "#EXTM3U\r\n\x1b[2J" + strings.Repeat("x", 500)}}}
	r.writeShown(&b, "")
	if strings.Contains(b.String(), "\x1b") || !strings.Contains(b.String(), "    #EXTM3U\n    \\u001b[2J"+strings.Repeat("x", 500)+"\n") {
		t.Errorf("%q", b.String())
	}
}
