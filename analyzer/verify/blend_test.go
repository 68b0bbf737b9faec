package verify

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/report"
)

// What converters of frame rates blend is named, and the frames that count most are still judged; where none does, that is said.
func TestBlended(t *testing.T) {
	t.Parallel()
	c := newClip(t)
	type blended struct {
		want     []report.Kind
		pictures int64 // that are blended, at least: where another one counts three times as much, it may not show
		untold   bool  // of which some frames could not be told
	}
	all := map[string]blended{
		"scale=iw:ih":                       {[]report.Kind{report.ClockGone}, 0, false},
		"fps=25":                            {[]report.Kind{report.Retimed, report.ClockGone}, 0, false},
		"framerate=fps=25":                  {[]report.Kind{report.Retimed, report.Blended, report.ClockGone}, 40, false},
		"minterpolate=fps=24:mi_mode=blend": {[]report.Kind{report.Retimed, report.Trimmed, report.Blended, report.ClockGone}, 30, true},
		"tmix=frames=2":                     {[]report.Kind{report.Blended, report.ClockGone}, clipFrames - 1, true},
		"tmix=frames=3":                     {[]report.Kind{report.Repeated, report.Blended, report.ClockGone}, clipFrames - 1, true},
	}
	if testing.Short() {
		maps.DeleteFunc(all, func(filter string, _ blended) bool { return filter != "framerate=fps=25" && filter != "tmix=frames=2" })
	}
	files := c.filtered(t, slices.Collect(maps.Keys(all)))
	for filter, f := range all {
		t.Run(filter, func(t *testing.T) {
			t.Parallel()
			r, err := Run(t.Context(), files[filter], given{verifytest.Channel(), c.truth}, Options{Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			if got := kindsOf(r); !slices.Equal(got, f.want) {
				t.Errorf("%v", textsOf(r))
			}
			for _, found := range r.Findings {
				if found.Kind == report.Blended && (found.Count < f.pictures || strings.Contains(found.Text, "could not be told") != f.untold) {
					t.Errorf("%d pictures: %s", found.Count, found.Text)
				}
			}
		})
	}
}
