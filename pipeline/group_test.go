package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// withTracks gives the rig's channel two more renditions, whose encoders have other orders of decoding, and sound.
func (r *rig) withTracks() {
	r.info.Audio = true
	r.info.Ladder = []markers.Rendition{{Name: "176x100", Width: 176, Height: 100, Bitrate: 1}, {Name: "192x108", Width: 192, Height: 108, Bitrate: 1}}
	r.others = func(i int) script { return script{b: 1 + i%2, lookahead: 7 * (i % 2)} }
}

// tracks are the units that left, by rendition.
func (r *rig) tracks() map[string][]media.Unit {
	list := map[string][]media.Unit{}
	for _, u := range r.out.units {
		list[rendition(&u.Unit)] = append(list[rendition(&u.Unit)], u.Unit)
	}
	return list
}

// checkTracks holds the units of a run against what they must be: frames of the given segments in each rendition, in one order of
// decoding, all labelled, and the sound of these.
func (r *rig) checkTracks(segments ...int64) {
	r.t.Helper()
	var frames []int64
	for _, msn := range segments {
		for n := 10 * msn; n < 10*msn+10; n++ {
			frames = append(frames, n)
		}
	}
	tracks := r.tracks()
	for _, name := range []string{"", "176x100", "192x108"} {
		var got []int64
		for _, u := range tracks[name] {
			got = append(got, u.Frame)
			if len(u.NALs) < 2 {
				r.t.Errorf("frame %d of %q has no label", u.Frame, name)
			}
		}
		if slices.Sort(got); !slices.Equal(got, frames) {
			r.t.Errorf("rendition %q has frames %d, want %d", name, got, frames)
		}
	}
	rank := map[string]int{"": 0, "176x100": 1, "192x108": 2, markers.SoundRendition: 3}
	for i, u := range r.out.units[1:] {
		before := &r.out.units[i].Unit
		if earlier(&u.Unit, before) || !earlier(before, &u.Unit) && rank[rendition(before)] >= rank[rendition(&u.Unit)] {
			r.t.Errorf("%s of %q at %d follows %s of %q at %d", describe(&u.Unit), rendition(&u.Unit), u.DTS, describe(before), rendition(before), before.DTS)
		}
	}
	var want []int64 // the first samples of units
	for i, msn := range segments {
		first, end := r.info.Rate.Sample(10*msn), r.info.Rate.Sample(10*msn+10)
		if i > 0 && segments[i-1] == msn-1 {
			first = want[len(want)-1] + aac.UnitSamples
		}
		for s := whole(first); s < end; s += aac.UnitSamples {
			want = append(want, s)
		}
	}
	var got []int64
	for _, u := range tracks[markers.SoundRendition] {
		got = append(got, u.Frame)
	}
	if !slices.Equal(got, want) {
		r.t.Errorf("units of sound begin with samples %d, want %d", got, want)
	}
}

// TestOrder: units come by decoding time, exactly, and at equal times in the order of the tracks; nothing comes before it is known that
// nothing else is earlier.
func TestOrder(t *testing.T) {
	o := newOrder(3)
	unit := func(track int, dts int64) {
		u := media.Unit{DTS: dts}
		if track == 2 {
			u.Track = &media.Track{Codec: media.AAC, Timescale: 48000}
		}
		o.add(track, stream.Unit{Unit: u})
	}
	var got []string
	drain := func() {
		for i := o.next(); i >= 0; i = o.next() {
			u, _ := o.take()
			got = append(got, fmt.Sprintf("%d:%d", i, u.DTS))
		}
	}
	far := int64(1) << 56 // 25000 years
	unit(0, 90)
	unit(1, 90)
	drain()
	unit(2, 48)
	unit(0, 180)
	drain()
	unit(1, 15*far)
	unit(0, 15*far+1)
	unit(2, 8*far-1) // the same time: the picture first
	drain()
	o.ended[0], o.ended[1] = true, true
	drain()
	o.ended[2] = true
	drain()
	want := "0:90 1:90 2:48 0:180 1:1080863910568919040 2:576460752303423487 0:1080863910568919041"
	if text := strings.Join(got, " "); text != want {
		t.Errorf("order %s, want %s", text, want)
	}
}

// All tracks of a channel leave in one order, and each event beeps in its frames' samples, triggered ones too.
func TestGroup(t *testing.T) {
	for _, b := range []int{0, 2} {
		inBubble(t, func(r *rig) {
			r.withTracks()
			r.info.EventEvery, r.info.EventLength = 20, 7
			r.scripts = []script{{b: b, lookahead: 5 * b}}
			r.start()
			r.until(1012)
			quiet := int64(1020) // a triggered event needs frames without one around it
			for _, near := r.scenario().Near(quiet, quiet+3); near; _, near = r.scenario().Near(quiet, quiet+3) {
				quiet++
			}
			r.accept(quiet, quiet+3, "")
			r.until(1069)
			r.stop()
			r.want("1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1069")
			r.check()
			r.checkTracks(101, 102, 103, 104, 105, 106)
			if len(r.ladder) != 2 || len(r.ladder[0].wrong)+len(r.ladder[1].wrong) > 0 {
				t.Errorf("%d encoders of the ladder, frames %v and %v with other pictures", len(r.ladder), r.ladder[0].wrong, r.ladder[1].wrong)
			}
			sound := r.tracks()[markers.SoundRendition]
			var found, want []int64
			for _, at := range generator.FindBeeps(right(sound)) {
				found = append(found, sound[0].Frame+int64(at))
			}
			for _, m := range r.markers() {
				if m.Sample.Value >= sound[0].Frame {
					want = append(want, m.Sample.Value)
				}
			}
			if !slices.Equal(found, want) || len(want) < 2 || !slices.Contains(want, r.info.Rate.Sample(quiet)) {
				t.Errorf("beeps begin with samples %d, want %d", found, want)
			}
			for n := int64(1010); n < 1070; n++ { // and they are in their frames alone
				for _, e := range r.ladder {
					if e.events[n] != r.encoders[0].events[n] {
						t.Errorf("frame %d shows an event: %v, in another rendition %v", n, r.encoders[0].events[n], e.events[n])
					}
				}
				pcm := right(sound)
				from, to := int(r.info.Rate.Sample(n)-sound[0].Frame), int(r.info.Rate.Sample(n+1)-sound[0].Frame)
				to = min(to, len(pcm))
				loud := slices.ContainsFunc(pcm[min(max(from, 0), to):to], func(v int16) bool { return v != 0 })
				if loud != r.encoders[0].events[n] {
					t.Errorf("frame %d shows an event: %v, beeps: %v", n, r.encoders[0].events[n], loud)
				}
			}
		})
	}
}

// The end of one encoder is the end of all: all begin again with a segment, and the records name the one that failed.
func TestGroupMemberDies(t *testing.T) {
	for name, set := range map[string]func(r *rig){
		"encoder of 160x90: exit status 187: killed":  func(r *rig) { r.scripts = []script{{fate: dies, after: 25}} },
		"encoder of 176x100: exit status 187: killed": func(r *rig) { r.dies(0, script{fate: dies, after: 25}) },
		"encoder of 192x108: exit status 187: killed": func(r *rig) { r.dies(1, script{fate: diesInWrite, after: 24}) },
		"encoder of 192x108: it ended by itself":      func(r *rig) { r.dies(1, script{fate: ends, after: 25}) },
		"encoder of the sound: exit status 9":         func(r *rig) { r.soundDies = []int{47} }, // in frame 1034
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.withTracks()
				r.others = nil
				set(r)
				r.start()
				r.until(1069)
				r.stop()
				r.want("1010-1019, 1020-1029, 1030-1049 encoder, |1050-1059, 1060-1069")
				if detail := r.lost(0).Detail; detail != name {
					t.Errorf("the record has %q, want %q", detail, name)
				}
				if len(r.encoders) != 2 || len(r.ladder) != 4 || len(r.sounds) != 2 {
					t.Errorf("%d, %d and %d encoders", len(r.encoders), len(r.ladder), len(r.sounds))
				}
				var begins []int64
				bytes := 0
				for _, u := range r.out.units {
					if u.Begins {
						begins = append(begins, u.Frame)
					}
					if u.Codec() != media.AAC {
						bytes += u.Unit.Size()
					}
				}
				if !slices.Equal(begins, []int64{1010, 1050}) {
					t.Errorf("an encoder's run begins with the units %d", begins)
				}
				if n := r.counted("access_unit_bytes_total"); n != float64(bytes) {
					t.Errorf("%v bytes are counted, the units of pictures have %d", n, bytes)
				}
				r.out.units = slices.DeleteFunc(r.out.units, func(u stream.Unit) bool { return r.info.Clock().UnitMSN(&u.Unit) == 103 })
				r.checkTracks(101, 102, 105, 106)
			})
		})
	}
}

// dies gives an encoder of the ladder another script.
func (r *rig) dies(which int, s script) {
	r.others = func(i int) script {
		if i == which {
			return s
		}
		return script{}
	}
}

// An encoder that ends before anything came is an error that names it.
func TestGroupMemberDiesAtFirst(t *testing.T) {
	for want, set := range map[string]func(r *rig){
		"encode first frame: encoder of 160x90: exit status 187":  func(r *rig) { r.scripts = []script{{fate: dies}} },
		"encode first frame: encoder of 176x100: exit status 187": func(r *rig) { r.dies(0, script{fate: dies}) },
		"encode first frame: encoder of the sound: exit status 9": func(r *rig) { r.soundDies = []int{1} },
	} {
		inBubble(t, func(r *rig) {
			r.withTracks()
			set(r)
			r.start()
			if err := r.ended(); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}

// A stop is over in time whichever encoder is stuck.
func TestGroupStops(t *testing.T) {
	for i, s := range []script{{stuck: true}, {fate: hangs, after: 13}, {slow: map[int64]time.Duration{14: time.Hour}}} {
		inBubble(t, func(r *rig) {
			r.withTracks()
			r.dies(1, s)
			r.start()
			r.until(1034)
			if took := r.stop(); took > writeTime+drainTime {
				t.Errorf("script %d: the stop took %v", i, took)
			}
			r.checkAccount()
		})
	}
}

// A machine that is too slow skips whole segments in all tracks, and the sound continues with the pictures.
func TestGroupSkips(t *testing.T) {
	for name, set := range map[string]func(r *rig, slow script){
		"the first":   func(r *rig, s script) { r.scripts = []script{s} },
		"another one": func(r *rig, s script) { r.dies(0, s) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.withTracks()
				set(r, script{slow: map[int64]time.Duration{15: 3 * time.Second}})
				r.start()
				r.until(1149)
				r.stop()
				r.check()
				var segments []int64
				for _, s := range r.segments() {
					segments = append(segments, s.MSN)
				}
				if len(r.missing()) != 1 || r.lost(0).Reason != markers.ReasonSkipped || len(r.encoders) != 1 {
					t.Errorf("account %q", r.account())
				}
				r.checkTracks(segments...)
			})
		})
	}
}

// A stretch has all frames in each rendition, with faults of pictures too, and all of its sound.
func TestGenerateGroup(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.withTracks()
		r.scripts = from(2, 2)
		var progress int64
		if err := r.generate(1010, 90, func(g *Generate) {
			g.Progress, g.Pictures = func(done int64) { progress = done }, fakePictures{1039, 1040}
		}); err != nil {
			t.Fatal(err)
		}
		r.checkTracks(101, 102, 103, 104, 105, 106, 107, 108, 109)
		if progress != 90 || len(r.encoders) != 2 || len(r.ladder) != 4 {
			t.Errorf("progress %d, %d and %d encoders", progress, len(r.encoders), len(r.ladder))
		}
		for _, e := range r.ladder[:2] {
			if len(e.wrong) > 0 {
				t.Errorf("clean encoder of the ladder: frames %v have other pictures", e.wrong)
			}
		}
		for _, e := range r.ladder[2:] {
			if len(e.wrote) != 30 {
				t.Errorf("faulty encoder of the ladder: %v", e.wrote)
			}
		}
	})
}

func TestGenerateGroupFails(t *testing.T) {
	for want, set := range map[string]func(r *rig){
		"encoder of 176x100: exit status 187": func(r *rig) { r.dies(0, script{fate: dies, after: 50}) },
		"encoder of the sound: exit status 9": func(r *rig) { r.soundDies = []int{100} },
		"encode: 95 frames went in, 94 came out at 192x108": func(r *rig) {
			r.dies(1, script{edit: func(i int64, _ *media.Unit) bool { return i != 94 }})
		},
		"handle frame 6059: record frame 6059: it was not sent": func(r *rig) {
			r.dies(1, script{edit: func(i int64, u *media.Unit) bool {
				if i == 49 {
					u.Frame += 5000
				}
				return true
			}})
		},
	} {
		inBubble(t, func(r *rig) {
			r.withTracks()
			set(r)
			err := r.generate(1010, 95, nil)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
	inBubble(t, func(r *rig) {
		r.withTracks()
		broken := errors.New("no such renderer")
		if err := r.generate(1010, 95, func(g *Generate) {
			g.Sound = func() (soundProcess, error) { return nil, broken }
		}); !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
	})
}

// A disk that is slow makes all encoders wait: what they give meanwhile is bounded.
func TestGenerateGroupWaitsForTheDisk(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.withTracks()
		var coded atomic.Int64
		count := script{edit: func(int64, *media.Unit) bool { coded.Add(1); return true }}
		r.scripts, r.others = []script{count}, func(int) script { return count }
		err := r.generate(1010, 600, func(*Generate) {
			r.hls.stall = map[int64]time.Duration{1050: time.Hour}
			time.AfterFunc(time.Minute, func() {
				if n := coded.Load(); n > 3*(40+64+2*maxWaiting) {
					t.Errorf("%d pictures are coded while the disk stands still", n)
				}
			})
		})
		if err != nil || len(r.segments()) != 60 {
			t.Errorf("error %v, account %q", err, r.account())
		}
	})
}
