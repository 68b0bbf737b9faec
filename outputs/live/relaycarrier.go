package live

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// carrier is what ffmpeg packs a relay's stream into, as far as its options depend on it.
type carrier struct {
	muxer    string // ffmpeg's name, or empty if not known
	segments string // of hls: mpegts (also when empty) or fmp4
	mapped   bool   // the streams are chosen by other options
	scheme   string // of the address that the output is; empty for files
}

// carrierTraits are what a relay has to do by itself for a carrier.
type carrierTraits struct {
	// paced: ffmpeg reads no faster than the stream plays. What a relay begins with is there at once, some seconds of it: as
	// datagrams they would be lost.
	paced bool
	// rebased: times count from where the run of ffmpeg began.
	rebased bool
	// numbered: names of files hold the start of the run.
	numbered bool
}

// traits are those of the carrier.
func (c carrier) traits() carrierTraits {
	return carrierTraits{rebased: c.muxer == "dash", paced: c.datagrams() || c.scheme == "rtsp"}
}

// datagrams says whether the output is sent in datagrams.
func (c carrier) datagrams() bool {
	switch c.scheme {
	case "udp", "udplite", "rtp", "srtp", "srt", "rist":
		return true
	}
	return false
}

// options are those for the muxer.
//
// The times are to be those of the stream to the tick wherever the carrier counts in 90 kHz: by themselves ffmpeg's muxers
// shift them, in MPEG-TS by 1.4 s. A stream that is joined less than a minute before its PTS wraps has negative times in ffmpeg,
// which MPEG-TS brings back to 33 bits; where they don't exist, all are shifted.
func (c carrier) options() []string {
	// A stream may be silent for minutes, that of the timed ID3: the other one doesn't wait for it.
	list := []string{"-c", "copy", "-max_interleave_delta", "1", "-flush_packets", "1"}
	video := []string{"-map", "0:v:0"}
	positive := func(more ...string) []string {
		return append([]string{"-avoid_negative_ts", "make_non_negative"}, more...)
	}
	// The PCR lies twice the muxdelay before the DTS: 100 ms.
	ts := func(more ...string) []string {
		return append([]string{"-map", "0:v:0", "-map", "0:d?", "-muxdelay", "0.05", "-muxpreload", "0", "-avoid_negative_ts", "disabled"}, more...)
	}
	const tsOptions = "mpegts_copyts=1:avoid_negative_ts=disabled"
	const mp4Options = "movflags=+frag_discont:video_track_timescale=90000" // frag_discont: the first time is told as well
	var more []string
	switch {
	case c.muxer == "mpegts":
		video, more = nil, ts("-mpegts_copyts", "1")
		if c.datagrams() {
			more = append(more, "-pkt_size", "1316") // 7 packets, as they fit into Ethernet's frames
		}
	case c.muxer == "rtp_mpegts":
		video, more = nil, ts("-mpegts_muxer_options", tsOptions)
	case c.muxer == "hls" && c.segments == "fmp4":
		more = positive("-hls_segment_options", mp4Options)
	case c.muxer == "hls":
		video, more = nil, ts("-hls_segment_options", tsOptions)
	case c.muxer == "dash":
		more = positive("-tag:v", "avc1", "-format_options", mp4Options, "-use_timeline", "1", "-use_template", "1",
			"-init_seg_name", "init-"+startMark+"-$RepresentationID$.m4s",
			"-media_seg_name", "chunk-"+startMark+"-$RepresentationID$-$Number%08d$.m4s")
	case c.muxer == "mp4", c.muxer == "mov":
		// In fragments, each a GOP, the file can be read whenever writing ends.
		more = positive("-movflags", "+frag_keyframe+empty_moov+default_base_moof+frag_discont", "-use_editlist", "0",
			"-video_track_timescale", "90000")
	case c.muxer == "rtsp":
		more = positive("-rtsp_transport", "tcp")
	default:
		more = positive()
	}
	if c.muxer == "hls" {
		// A segment is a GOP: the next key frame ends it, however soon.
		more = append(more, "-hls_time", "0.1")
		if c.scheme != "" {
			more = append(more, "-method", "PUT", "-hls_flags", "delete_segments+omit_endlist")
		} else {
			more = append(more, "-hls_flags", "append_list+delete_segments+omit_endlist+temp_file")
		}
	}
	if c.mapped {
		video, more = nil, withoutMap(more)
	}
	return append(append(list, video...), more...)
}

// withoutMap leaves the options -map out: each would add a stream to those that are chosen otherwise.
func withoutMap(options []string) (rest []string) {
	for i := 0; i < len(options); i += 2 {
		if options[i] != "-map" {
			rest = append(rest, options[i], options[i+1])
		}
	}
	return rest
}

const formatHint = "say the format with ffmpeg's arguments, as in \"-f mpegts OUTPUT\""

// muxerOf finds the muxer for an address or file name.
func muxerOf(output string) (string, error) {
	// What may be secret is in no error.
	output, _, _ = strings.Cut(output, "?")
	name := output
	if scheme := schemeOf(output); scheme != "" {
		switch scheme {
		case "srt", "udp", "udplite", "tcp", "tls", "rist", "unix", "sctp":
			return "mpegts", nil
		case "rtp", "srtp":
			return "rtp_mpegts", nil
		case "rtsp", "rtsps":
			return "rtsp", nil
		case "rtmp", "rtmps", "rtmpt", "rtmpe", "rtmpts", "rtmpte":
			return "flv", nil
		case "http", "https", "ftp", "sftp":
			u, err := url.Parse(output)
			if err != nil {
				return "", fmt.Errorf("the %s address can't be read: it is %s://host/path", scheme, scheme)
			}
			name = u.Path
		default:
			return "", fmt.Errorf("scheme %sis not known here: %s", quotedWord(scheme), formatHint)
		}
	}
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".ts", ".mts", ".m2ts", ".mpegts":
		return "mpegts", nil
	case ".m3u8":
		return "hls", nil
	case ".mpd":
		return "dash", nil
	case ".mp4", ".m4v":
		return "mp4", nil
	case ".mov":
		return "mov", nil
	case ".mkv":
		return "matroska", nil
	case ".flv":
		return "flv", nil
	case ".nut":
		return "nut", nil
	case ".h264", ".264":
		return "h264", nil
	case "":
		return "", fmt.Errorf("the output has neither a scheme nor an extension that says its format: use one such as srt://host:9000 or out.mkv, or %s", formatHint)
	default:
		return "", fmt.Errorf("extension %sis not known here: use .ts, .mp4, .mkv, .mov, .flv, .m3u8 or .mpd, or %s",
			quotedWord(ext), formatHint)
	}
}

// quotedWord quotes a scheme or extension with a blank after it, if it is so short that it is certain to be no secret.
func quotedWord(word string) string {
	if len(word) > 8 || strings.ContainsFunc(word, func(r rune) bool { return !isSchemeChar(r) }) {
		return ""
	}
	return fmt.Sprintf("%q ", word)
}

// isListener says whether an output waits for somebody to connect.
func isListener(output string) bool {
	_, query, _ := strings.Cut(output, "?")
	for pair := range strings.SplitSeq(query, "&") {
		switch name, value, _ := strings.Cut(pair, "="); name {
		case "mode":
			if value == "listener" {
				return true
			}
		case "listen":
			if value != "0" {
				return true
			}
		}
	}
	return false
}
