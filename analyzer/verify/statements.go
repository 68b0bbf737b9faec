package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/tr101290"
	"github.com/refstream/refstream/analyzer/verify/pixels"
)

func (in *streamData) readStatements(ctx context.Context, path string, o analyzer.Options) error {
	in.holdsID3, in.packets = in.kind == input.TS, in.kind == input.TS
	found := spans{}
	o.Unit = func(u analyzer.Unit) {
		in.units = append(in.units, unit{u.PTS, u.DTS, u.UnitsInTick, u.TimeScale, u.Untimed})
		found.take(u)
	}
	var lost error
	if in.kind == input.HLS {
		// Segments of MP4 hold some where refstream made them: then they have producer times too.
		matches, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.ts"))
		in.packets = err == nil && len(matches) > 0
		in.holdsID3 = in.packets
		o.Note = func(n analyzer.Note) {
			// What was stored a moment ago must be there: this is a fault of the copy, not of the stream.
			if failed := new(os.PathError); n.Kind == analyzer.NoteMissing && errors.As(n.Err, &failed) {
				lost = &analyzer.StoreError{Err: fmt.Errorf("read copy: %w", failed)}
			}
		}
	}
	err := analyzer.Run(ctx, path, o, func(r analyzer.Record) error {
		if in.dated && in.isUndated(&r) {
			return nil // its own is not there
		}
		if r.Source == analyzer.Transport && strings.Contains(string(r.Extra), tr101290.PCRRepetitionError) && r.Duration != nil && *r.Duration <= absentPCR {
			return nil // as ffmpeg's muxer has it
		}
		r.StreamURL, r.StreamTime, r.DTS, r.Duration, r.URI = "", nil, nil, nil, "" // of no use here, and there may be very many
		switch r.Source {
		case analyzer.Transport:
			r.Unit = int64(len(in.units)) - 1 // the last one before it
			in.transport = append(in.transport, r)
		case analyzer.OnMetaData:
			in.metadata = append(in.metadata, r)
		case analyzer.ProducerTime:
			in.holdsID3 = in.holdsID3 || in.kind == input.HLS
			in.statements = append(in.statements, r)
		case analyzer.UserData, analyzer.OnTextData: // of others
		default:
			in.statements = append(in.statements, r)
		}
		return nil
	})
	if err == nil {
		err = lost
	}
	if err == nil && in.kind == input.HLS {
		in.segments, err = found.list(path)
	}
	return err
}

// states reports whether there is a statement of a source.
func (in *streamData) states(s analyzer.Source) bool {
	return slices.ContainsFunc(in.statements, func(r analyzer.Record) bool { return r.Source == s })
}

// channelName is the channel that most frame records name, empty where there are none.
func (in *streamData) channelName() (name string) {
	counts := map[string]int{}
	for i := range in.statements {
		r := &in.statements[i]
		if r.Source != analyzer.FrameRecord {
			continue
		}
		one := statedFields(r)["channel"]
		if counts[one]++; counts[one] > counts[name] {
			name = one
		}
		if counts[name] == enough {
			break
		}
	}
	return name
}

// isUndated reports whether a statement is the date of a segment that had none of its own.
func (in *streamData) isUndated(r *analyzer.Record) bool {
	if r.Source != analyzer.ProgramDateTime || r.MSN == nil {
		return false
	}
	_, found := slices.BinarySearch(in.undated, *r.MSN)
	return found
}

// codecsRead are the codecs, by ffmpeg's names, whose statements are read.
var codecsRead = []string{"h264", "hevc"}

// readOthers handles streams that package analyzer does not read: H.264 or HEVC in an unknown container is copied into a transport
// stream first; other codecs have no known statements, so that all clocks are gone.
func (in *streamData) readOthers(ctx context.Context, unknownKind bool, path, dir, program string, o analyzer.Options) {
	if !slices.Contains(codecsRead, in.info.Codec) {
		note := fmt.Sprintf("no statement is read of %s: %s", in.info.Codec, in.unread)
		if in.unread = nil; !slices.Contains(in.notes, note) {
			in.notes = append(in.notes, note)
		}
		return
	}
	if !unknownKind {
		return
	}
	copied, err := pixels.CopyToTS(ctx, program, path, dir)
	if err != nil {
		in.unread = errors.Join(in.unread, err)
		return
	}
	in.unread = in.readStatements(ctx, copied, o)
	// These are the copy's, not the stream's.
	in.transport = nil
	for i := range in.units {
		in.units[i].undated = true
	}
}

// undoShift takes back what ffmpeg adds to the time stamps of MP4 with negative composition offsets: the largest of them.
func (in *streamData) undoShift() {
	if len(in.units) == 0 || in.kind != input.HLS && in.kind != input.MP4 {
		return
	}
	largest, first := int64(0), in.units[0].pts
	for _, u := range in.units {
		largest, first = max(largest, u.dts-u.pts), min(first, u.pts)
	}
	begin := int64(math.MaxInt64)
	for _, p := range in.pictures {
		if p.Timed {
			begin = min(begin, p.PTS)
		}
	}
	if off := begin - first; largest == 0 || max(off-largest, largest-off) > 1 { // each rounded to a tick
		return
	}
	for i := range in.pictures {
		in.pictures[i].PTS -= largest
	}
}
