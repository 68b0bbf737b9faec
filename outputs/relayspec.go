package outputs

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/refstream/refstream/internal/redact"
)

const (
	// startMark stands in an option for the DTS of the unit that a run of ffmpeg begins with, in ticks.
	startMark = "{start}"
	// maxShown bounds a name that is shown, in bytes: it is a label of metrics and stands in every line of the log.
	maxShown = 200
)

// RelaySpec says where a relay leads. Its zero value is nowhere: ParseRelay, HLSRelay and DASHRelay make them.
type RelaySpec struct {
	// Name is the output without user, password and query, for people.
	Name string

	output  string   // ffmpeg's last argument
	muxer   string   // ffmpeg's name
	options []string // before the output

	file  string // that is made for each run, which none that exists may be; or empty
	dir   string // that is made; or empty
	fmp4  bool   // segments of HLS
	waits bool   // the output is open when somebody has connected, which may take any time
	paced bool   // ffmpeg reads no faster than the stream plays: what a relay begins with would be lost as datagrams
	// secrets are hidden in what is logged and shown.
	secrets redact.Secrets
}

// otherOutputs says how to reach what no relay does.
const otherOutputs = "pipe the stream into an ffmpeg of your own: curl -sN http://127.0.0.1:8080/live/main.ts | ffmpeg -i - …"

// ParseRelay reads where a relay leads: srt://, udp://, rtp://, rtsp:// or tcp://host:port with ffmpeg's options of the protocol
// as query, or a file, whose extension says the format: .ts, .mp4, .mov, .mkv or .flv. A file that exists is not written
// over: the relay's gets a number.
//
// Errors hold no secrets and say what to do.
func ParseRelay(output string) (RelaySpec, error) {
	output = strings.TrimSpace(output)
	switch name, isFile := strings.CutPrefix(output, "file:"); {
	case output == "":
		return RelaySpec{}, errors.New("the output is empty: name an address such as srt://host:9000 or a file such as out.mkv")
	case output[0] == '-':
		return RelaySpec{}, errors.New("it is one address or file, without options: " + otherOutputs)
	case strings.ContainsFunc(output, unicode.IsControl):
		return RelaySpec{}, errors.New("the output holds control characters: leave them out")
	case isFile:
		return fileRelay(strings.TrimPrefix(name, "//"))
	case !strings.Contains(output, "://"):
		return fileRelay(output)
	}
	base, query, _ := strings.Cut(output, "?")
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return RelaySpec{}, errors.New("the address can't be read: it is scheme://host:port, with what is special in %XX")
	}
	s := RelaySpec{output: output, muxer: "mpegts", secrets: addressSecrets(base, query)}
	switch u.Scheme {
	case "srt", "udp":
		s.paced, s.options = true, append(tsOptions("-mpegts_copyts", "1"), "-pkt_size", "1316") // 7 packets, as they fit into Ethernet's frames
	case "tcp":
		s.options = tsOptions("-mpegts_copyts", "1")
	case "rtp":
		s.paced, s.muxer, s.options = true, "rtp_mpegts", tsOptions("-mpegts_muxer_options", tsSegmentOptions)
	case "rtsp":
		s.paced, s.muxer, s.options = true, "rtsp", videoOptions("-rtsp_transport", "tcp")
	case "rtmp", "rtmps":
		return RelaySpec{}, fmt.Errorf("%s needs no ffmpeg: use --push", u.Scheme)
	default:
		return RelaySpec{}, fmt.Errorf("scheme %q is none of srt, udp, rtp, rtsp, tcp and file: %s", u.Scheme, otherOutputs)
	}
	u.User = nil
	s.Name = shown(u.String())
	options, err := url.ParseQuery(query)
	s.waits = err == nil && (options.Get("mode") == "listener" || options.Has("listen") && options.Get("listen") != "0")
	return s, nil
}

// fileRelay is the relay to a file.
func fileRelay(name string) (RelaySpec, error) {
	s := RelaySpec{Name: shown(name), file: name}
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".ts":
		s.muxer, s.options = "mpegts", tsOptions("-mpegts_copyts", "1")
	case ".mp4", ".mov":
		// In fragments, each a GOP, the file can be read whenever writing ends.
		s.muxer, s.options = ext[1:], videoOptions("-movflags", "+frag_keyframe+empty_moov+default_base_moof+frag_discont",
			"-use_editlist", "0", "-video_track_timescale", "90000")
	case ".mkv":
		s.muxer, s.options = "matroska", videoOptions()
	case ".flv":
		s.muxer, s.options = "flv", videoOptions()
	case ".m3u8", ".mpd":
		return RelaySpec{}, errors.New("a playlist or manifest is written by --relay-hls and --relay-dash")
	default:
		return RelaySpec{}, errors.New("the format of a file follows from its extension, .ts, .mp4, .mov, .mkv or .flv; " +
			"of an address from its scheme, such as srt://host:9000")
	}
	return s, nil
}

// The times are to be those of the stream to the tick wherever the carrier counts in 90 kHz: by themselves ffmpeg's muxers
// shift them, in MPEG-TS by 1.4 s. A stream that is joined less than a minute before its PTS wraps has negative times in ffmpeg,
// which MPEG-TS brings back to 33 bits; where they don't exist, all are shifted.

// tsSegmentOptions are those of an MPEG-TS muxer within another muxer.
const tsSegmentOptions = "mpegts_copyts=1:avoid_negative_ts=disabled"

// tsOptions are ffmpeg's for MPEG-TS. The PCR lies twice the muxdelay before the DTS: 100 ms.
func tsOptions(more ...string) []string {
	return append([]string{"-map", "0:v:0", "-map", "0:d?", "-muxdelay", "0.05", "-muxpreload", "0", "-avoid_negative_ts", "disabled"}, more...)
}

// videoOptions are those for carriers without a place for timed ID3.
func videoOptions(more ...string) []string {
	return append([]string{"-map", "0:v:0", "-avoid_negative_ts", "make_non_negative"}, more...)
}

// arguments is the command line of ffmpeg without the program's name, for a run that begins at a DTS.
func (s RelaySpec) arguments(output string, start int64) []string {
	args := []string{
		"-hide_banner", "-nostdin", "-nostats", "-y", "-loglevel", "level+warning",
		"-progress", "pipe:1", "-stats_period", "0.2",
		"-copyts", // as they are, with the gaps
	}
	if s.muxer == "dash" {
		args = append(args, "-start_at_zero")
	}
	if s.paced {
		args = append(args, "-re")
	}
	// The tables and a key frame say all there is to know. ffmpeg's 5 s would be a delay at every start; less than this
	// would be enough.
	args = append(args, "-analyzeduration", "100000", "-f", "mpegts", "-i", "pipe:0")
	// A stream may be silent for minutes, that of the timed ID3: the other one doesn't wait for it.
	args = append(args, "-c", "copy", "-max_interleave_delta", "1", "-flush_packets", "1")
	for _, o := range s.options {
		args = append(args, strings.ReplaceAll(o, startMark, fmt.Sprint(start)))
	}
	return append(args, "-f", s.muxer, output)
}

// addressSecrets are what may be secret in an address: user and password, and the query's values but that of the mode.
func addressSecrets(base, query string) redact.Secrets {
	var list []string
	if _, rest, ok := strings.Cut(base, "://"); ok {
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			list = append(append(list, rest[:at]), strings.Split(rest[:at], ":")...)
		}
	}
	list = append(list, query)
	for field := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(field, "="); name != "mode" {
			list = append(list, value)
		}
	}
	for _, secret := range list {
		if plain, err := url.PathUnescape(secret); err == nil {
			list = append(list, plain)
		}
	}
	// A short one is found in other words: it would hide all that ffmpeg says.
	return redact.NewSecrets(slices.DeleteFunc(list, func(s string) bool { return len(s) < redact.Short })...)
}

// shown makes a name one that can be shown: in UTF-8, of one line, without what can't be seen, and not too long.
func shown(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(name, "?"))
	if len(name) <= maxShown {
		return name
	}
	return strings.ToValidUTF8(name[:maxShown-len(redact.Hidden)], "") + redact.Hidden
}

// Outside checks that a relay's playlist is not in the folder that the server publishes into.
func (s RelaySpec) Outside(published string) error {
	if s.dir == "" {
		return nil
	}
	a, err1 := filepath.Abs(published)
	b, err2 := filepath.Abs(s.dir)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if rel, err := filepath.Rel(a, b); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("a relay can't write into %q, where something else is published: name another folder", published)
	}
	return nil
}
