package analyzer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/media"
)

// hlsStore writes what a client reads into a directory: decrypted segments, each in a file of its own, and a playlist of them.
type hlsStore struct {
	dir      string
	prefix   string // that the names of files begin with
	list     []byte // the entries of the playlist
	first    int64  // media sequence number of the first entry
	begun    bool
	next     int64 // that of the next entry
	longest  media.Seconds
	target   media.Seconds // that of the playlist that is read
	init     string        // file of the initialization section in force, empty for none
	inits    int
	ext      string // how the names of segments end
	files    int
	bytes    int64
	unread   error // why the last segment that could not be read could not
	dash     bool  // what is read is DASH
	restarts bool  // the next segment follows no other
	ranges   dateRangeTags
	undated  []int64 // numbers of the entries that had no date of their own
	doubled  map[int64][]string
	dated    bool // segments have dates of their own that follow others without a discontinuity
}

// storeHLS stores the highest variant, and beside it the sound of its own that it is played with, if any.
func (s *source) storeHLS(ctx context.Context, dir string) (Captured, error) {
	h, sound := &hlsStore{dir: dir, doubled: map[int64][]string{}}, &hlsStore{dir: dir, prefix: "sound-", doubled: map[int64][]string{}}
	of := func(stream *hlsclient.Stream) *hlsStore {
		if stream != nil && stream.Rendition != nil {
			return sound
		}
		return h
	}
	client := s.hlsClient()
	client.SpoolDir, client.Choose = dir, withSound
	err := client.Run(ctx, s.t.Address(), hlsclient.Handler{
		Version: func(v *hlsclient.Version) error { return of(v.Stream).version(v) },
		Segment: func(seg *hlsclient.Segment) error { return of(seg.Stream).segment(seg) },
	})
	out := Captured{
		Path: filepath.Join(dir, "index.m3u8"), Kind: input.HLS, DASH: h.dash, Bytes: h.bytes, Undated: h.undated, Dated: h.dated, Doubled: h.doubled,
	}
	if h.files == 0 {
		if err == nil && h.unread != nil {
			err = fmt.Errorf("no segment could be read: %w", h.unread)
		}
		return out, err
	}
	stores := []*hlsStore{h}
	if sound.files > 0 {
		out.Sound = filepath.Join(dir, sound.prefix+"index.m3u8")
		out.Bytes += sound.bytes
		stores = append(stores, sound)
	}
	for _, store := range stores {
		if writeErr := os.WriteFile(filepath.Join(dir, store.prefix+"index.m3u8"), store.playlist(), 0o644); writeErr != nil {
			return out, stored(fmt.Errorf("write playlist: %w", writeErr))
		}
	}
	return out, err
}

// withSound chooses the highest variant, and the sound that is played with it by default where it is a playlist of its own.
func withSound(m *m3u8.Multivariant) []hlsclient.Stream {
	list := hlsclient.HighestVariant(m)
	var best *m3u8.Rendition
	for i := range m.Renditions {
		r := &m.Renditions[i]
		// Renditions of DASH are in no group that a variant names.
		if len(list) > 0 && r.Type == "AUDIO" && r.URI != "" && (list[0].Variant.Audio == "" || r.GroupID == list[0].Variant.Audio) &&
			(best == nil || r.Default && !best.Default) {
			best = r
		}
	}
	if best != nil {
		list = append(list, hlsclient.Stream{Rendition: best})
	}
	return list
}

func (h *hlsStore) version(v *hlsclient.Version) error {
	m := v.Playlist.Media
	if m == nil || v.Stale {
		return nil
	}
	if len(h.list) > maxList {
		return errLongList
	}
	h.target, h.dash = m.TargetDuration, m3u8.IsManifest(v.Text)
	h.restarts = h.restarts || v.Restarted
	for i := int64(0); i < min(v.Missed, maxMissed) && h.begun; i++ {
		h.gap(m.TargetDuration)
	}
	h.ranges.take(m.DateRanges)
	for i := range m.Segments {
		s := &m.Segments[i]
		h.dated = h.dated || i > 0 && !s.Discontinuity && !s.ProgramDateTime.IsZero()
	}
	return nil
}

// maxList bounds the playlist that is written, in bytes: a week of two-second segments has 30 MB.
const maxList = 32 << 20

var errLongList = errors.New("the stream has more segments than can be stored")

// maxMissed bounds the gaps that are written for segments that nobody saw: a day of them.
const maxMissed = 86400

// gap adds an entry for a missing segment, with an ending as the others: ffmpeg refuses other endings, and skips missing files.
func (h *hlsStore) gap(length media.Seconds) {
	h.next++
	h.longest = max(h.longest, length)
	h.list = fmt.Appendf(h.list, "#EXT-X-GAP\n#EXTINF:%s,\ngap%d%s\n", length, h.next-1, h.ext)
}

func (h *hlsStore) segment(s *hlsclient.Segment) error {
	if s.Err != nil {
		h.unread = s.Err
	}
	if !h.begun {
		if s.Err != nil {
			return nil // gaps before the first segment are left out
		}
		h.begun, h.first, h.next = true, s.MSN, s.MSN
	}
	if s.Discontinuity || h.restarts {
		h.list = append(h.list, "#EXT-X-DISCONTINUITY\n"...)
		h.restarts = false
	}
	if !s.DateTime.IsZero() { // also one that follows from others: those need not stand in the same place here
		h.list = fmt.Appendf(h.list, "#EXT-X-PROGRAM-DATE-TIME:%s\n", s.DateTime.Format(time.RFC3339Nano))
	}
	if s.ProgramDateTime.IsZero() {
		h.undated = append(h.undated, h.next)
	}
	if len(s.Doubled) > 0 {
		h.doubled[h.next] = s.Doubled
	}
	if s.Err != nil {
		h.gap(s.Duration)
		return nil
	}
	data, err := s.Open()
	if err != nil {
		return stored(err)
	}
	defer data.Close()
	h.ext = ".ts"
	if holdsMP4(s, data) {
		h.ext = ".m4s"
	}
	if err := h.initialize(s); err != nil {
		return err
	}
	name := fmt.Sprintf("%s%06d%s", h.prefix, h.files, h.ext)
	if err := h.write(name, data); err != nil {
		return err
	}
	h.files++
	h.next++
	h.longest = max(h.longest, s.Duration)
	h.list = fmt.Appendf(h.list, "#EXTINF:%s,\n%s\n", s.Duration, name)
	return nil
}

// initialize stores the segment's initialization section if it is another one than that before.
func (h *hlsStore) initialize(s *hlsclient.Segment) error {
	if len(s.Init) == 0 || h.init != "" && !s.InitChanged {
		return nil
	}
	h.init = fmt.Sprintf("%sinit%d.mp4", h.prefix, h.inits)
	h.inits++
	h.list = fmt.Appendf(h.list, "#EXT-X-MAP:URI=\"%s\"\n", h.init)
	return h.write(h.init, bytes.NewReader(s.Init))
}

func (h *hlsStore) write(name string, r io.Reader) error {
	f, err := os.Create(filepath.Join(h.dir, name))
	if err != nil {
		return stored(fmt.Errorf("write segment: %w", err))
	}
	n, err := io.Copy(f, r)
	if err = errors.Join(err, f.Close()); err != nil {
		return stored(fmt.Errorf("write segment: %w", err))
	}
	h.bytes += n
	return nil
}

// playlist is all that was stored, as a stream that has ended.
func (h *hlsStore) playlist() []byte {
	seconds := int64(h.longest+media.Seconds(time.Second)-1) / int64(time.Second)
	b := fmt.Appendf(nil, "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-PLAYLIST-TYPE:VOD\n",
		max(1, seconds, int64(h.target)/int64(time.Second)), h.first)
	for _, tag := range h.ranges.tags {
		b = append(append(b, tag...), '\n')
	}
	return append(append(b, h.list...), "#EXT-X-ENDLIST\n"...)
}

// maxDateRanges bounds those that are kept: a day with one a second.
const maxDateRanges = 86400

// dateRangeTags are the EXT-X-DATERANGE tags that the versions of a playlist had. A tag is kept once, however many versions
// repeat it. What an ID says never changes (RFC 8216, 4.3.2.7): where it did, or was there twice, all of it is kept.
type dateRangeTags struct {
	tags  []string
	known map[string]bool
}

func (d *dateRangeTags) take(list []m3u8.DateRange) {
	if d.known == nil {
		d.known = map[string]bool{}
	}
	times := map[string]int{}
	for i := range list {
		tag := dateRangeTag(list[i].Attributes)
		times[tag]++
		key := tag + "\n" + strconv.Itoa(times[tag])
		if d.known[key] || len(d.tags) == maxDateRanges {
			continue
		}
		d.known[key] = true
		d.tags = append(d.tags, tag)
	}
}

func dateRangeTag(attributes []m3u8.Attribute) string {
	var list []string
	for _, a := range attributes {
		value := a.Value
		if a.Quoted {
			value = `"` + value + `"`
		}
		list = append(list, a.Name+"="+value)
	}
	return "#EXT-X-DATERANGE:" + strings.Join(list, ",")
}
