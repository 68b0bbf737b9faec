package outputs

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/refstream/refstream/internal/redact"
)

const (
	// maxShown bounds a name that is shown, in bytes: it is a label of metrics and in every line of the log.
	maxShown = 200
)

// RelaySpec is where a relay leads. Its zero value is nowhere: ParseRelay makes them.
type RelaySpec struct {
	// Name is the output without user, password and query, for people.
	Name string

	output  string   // ffmpeg's last argument
	muxer   string   // ffmpeg's name
	options []string // before the output

	file  string // that is made for each run, which none that exists may be; or empty
	waits bool   // the output is open when somebody has connected, which may take any time
	paced bool   // ffmpeg reads no faster than the stream plays: what a relay begins with would be lost as datagrams
	// secrets are hidden in what is logged and shown.
	secrets redact.Secrets
}

// otherOutputs is the hint for what no relay reaches.
const otherOutputs = "pipe the stream into an ffmpeg of your own: curl -sN http://127.0.0.1:8080/live/main.ts | ffmpeg -i - …"

// ParseRelay reads where a relay leads: srt://, udp://, rtp://, rtsp:// or tcp://host:port with ffmpeg's options of the protocol
// as query, or a file, whose extension gives the format: .ts, .mp4, .mov, .mkv or .flv. A file that exists is not written
// over: the relay's gets a number.
//
// Errors hold no secrets and have a hint.
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
		// Without sound: ffmpeg describes the stream before it knows the configuration of AAC.
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
		// In fragments, each a GOP, the file can be read whenever writing ends. The configuration of AAC is known with its first unit.
		s.muxer, s.options = ext[1:], mediaOptions("-movflags", "+frag_keyframe+empty_moov+delay_moov+default_base_moof+frag_discont",
			"-use_editlist", "0", "-video_track_timescale", "90000")
	case ".mkv":
		s.muxer, s.options = "matroska", mediaOptions()
	case ".flv":
		s.muxer, s.options = "flv", mediaOptions()
	case ".m3u8", ".mpd":
		return RelaySpec{}, errors.New("playlists and manifests are published by refstream itself: use --container and --dash")
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
	return append([]string{"-map", "0:v:0", "-map", "0:a?", "-map", "0:d?", "-muxdelay", "0.05", "-muxpreload", "0", "-avoid_negative_ts", "disabled"}, more...)
}

// mediaOptions are those for carriers without a place for timed ID3. AAC is without ADTS headers there.
func mediaOptions(more ...string) []string {
	return videoOptions(append([]string{"-map", "0:a?", "-bsf:a", "aac_adtstoasc"}, more...)...)
}

// videoOptions are those for carriers of pictures alone.
func videoOptions(more ...string) []string {
	return append([]string{"-map", "0:v:0", "-avoid_negative_ts", "make_non_negative"}, more...)
}

// arguments is the command line of ffmpeg without the program's name.
func (s RelaySpec) arguments(output string) []string {
	args := []string{
		"-hide_banner", "-nostdin", "-nostats", "-y", "-loglevel", "level+warning",
		"-progress", "pipe:1", "-stats_period", "0.2",
		"-copyts", // as they are, with the gaps
	}
	if s.paced {
		args = append(args, "-re")
	}
	// The tables and a key frame are all that ffmpeg needs. Its 5 s would be a delay at every start; less than this
	// would be enough.
	args = append(args, "-analyzeduration", "100000", "-f", "mpegts", "-i", "pipe:0")
	// A stream may be silent for minutes, that of the timed ID3: the other one doesn't wait for it.
	args = append(args, "-c", "copy", "-max_interleave_delta", "1", "-flush_packets", "1")
	return append(append(args, s.options...), "-f", s.muxer, output)
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
	// A short one is found in other words: it would hide all messages of ffmpeg.
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

// maxNames bounds the search for a file name that is not taken.
const maxNames = 10000

// prepare makes the file that is written to, and says what ffmpeg's output is this time. made is the file, empty,
// so that nobody else takes its name, or empty.
func (s RelaySpec) prepare() (output, made string, err error) {
	if s.file == "" {
		return s.output, "", nil
	}
	for n := range maxNames {
		name := s.file
		if n > 0 {
			ext := filepath.Ext(name)
			name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), n+1, ext)
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) // less the umask, as ffmpeg does
		if err == nil {
			return "file:" + name, name, f.Close()
		}
		if !errors.Is(err, os.ErrExist) {
			return "", "", fmt.Errorf("make file of relay: %w", err)
		}
		if info, err := os.Stat(name); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
			return "file:" + name, "", nil // somebody reads it
		}
	}
	return "", "", fmt.Errorf("find name for file of relay: %s and %d names like it are taken: move some away", s.Name, maxNames)
}

// removeEmpty removes a file that prepare has made if nothing was written into it, as on a full disk: the next attempt has
// its name. What it can't remove stays.
func removeEmpty(name string) {
	if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		_ = os.Remove(name)
	}
}
