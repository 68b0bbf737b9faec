package live

import (
	"errors"
	"fmt"
	"strings"
)

// relayArguments are ffmpeg's output arguments, taken apart.
type relayArguments struct {
	words  []string // the options with their values, without the output
	output string
	// named are the options in order, names without dash and stream specifier; flags have no value.
	named []relayOption
}

type relayOption struct{ name, value string }

// value is that of the last option of a name, which is the one that counts.
func (a relayArguments) value(name string) string {
	value := ""
	for _, o := range a.named {
		if o.name == name {
			value = o.value
		}
	}
	return value
}

func (a relayArguments) has(name string) bool {
	for _, o := range a.named {
		if o.name == name {
			return true
		}
	}
	return false
}

// secrets are the values of options that may be secret.
func (a relayArguments) secrets() (list []string) {
	for _, o := range a.named {
		list = append(list, addressSecrets(o.value)...)
		if isSecretName(o.name) {
			list = append(list, o.value)
		}
	}
	return list
}

// readArguments takes output arguments apart as ffmpeg does: what begins with a dash is an option, which has a value unless
// it is one of ffmpeg's flags; what doesn't is an output.
func readArguments(words []string) (relayArguments, error) {
	var a relayArguments
	for i := 0; i < len(words); i++ {
		word := words[i]
		if !isOption(word) {
			if i != len(words)-1 {
				return a, errors.New("the output must come last, and be the only one: use a relay for each, or -f tee")
			}
			a.output = word
			break
		}
		name, _, _ := strings.Cut(word[1:], ":")
		if name == "" || !isLetter(name[0]) {
			return a, fmt.Errorf("%q is no option of ffmpeg's", strings.ToValidUTF8(word, "?"))
		}
		if relayFlag(name) {
			a.named = append(a.named, relayOption{name: name})
			a.words = append(a.words, word)
			continue
		}
		value := ""
		if i+1 < len(words) {
			value = words[i+1]
		}
		if why := refusal(name, value); why != "" {
			return a, fmt.Errorf("-%s is not for a relay: %s", name, why)
		}
		if i+1 >= len(words) {
			return a, fmt.Errorf("-%s has no value, or there is no output after it", name)
		}
		a.named = append(a.named, relayOption{name, value})
		a.words = append(a.words, word, value)
		i++
	}
	if a.output == "" {
		return a, errors.New("there is no output at the end of the arguments: name an address or a file")
	}
	return a, nil
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// relayFlag says whether an option is one of ffmpeg's that have no value and are allowed.
func relayFlag(name string) bool {
	switch strings.TrimPrefix(name, "no") {
	case "y", "shortest", "bitexact", "copyinkf", "ignore_unknown", "copy_unknown", "xerror", "vn", "an", "sn", "dn":
		return true
	}
	return false
}

// refusal says why an option is not allowed, or nothing.
//
// All of ffmpeg's flags that are not allowed must be here: taken for an option with a value, they would hide an output.
func refusal(name, value string) string {
	switch strings.TrimPrefix(name, "no") {
	case "i", "attach", "dump_attachment", "isync":
		return "its only input is the stream"
	case "lavfi", "filter_complex", "filter_complex_script", "filter", "filter_script", "vf", "af", "autoscale", "autorotate",
		"apply_cropping", "deinterlace", "intra", "psnr", "qphist", "fix_sub_duration", "fix_sub_duration_heartbeat", "force_fps":
		return "it copies, without filters and encoders"
	case "c", "codec", "vcodec", "acodec", "scodec", "dcodec":
		if value != "copy" {
			return "it copies, and has no other codec than copy"
		}
	case "progress", "stats_period", "stats", "loglevel", "v", "report", "stdin", "hide_banner", "benchmark", "benchmark_all",
		"dump", "hex", "debug_ts", "vstats", "vstats_file", "vstats_version", "cpuflags", "max_alloc", "print_graphs",
		"print_graphs_file":
		return "how ffmpeg reports is set here"
	case "re", "readrate", "stream_loop", "accurate_seek", "find_stream_info", "recast_media", "seek_timestamp", "copyts",
		"start_at_zero", "itsoffset", "itsscale", "thread_queue_size":
		return "how the stream is read is set here"
	case "n", "":
		return "files that exist are never written over, unless with -y"
	case "L", "h", "?", "help", "version", "buildconf", "formats", "muxers", "demuxers", "devices", "codecs", "decoders",
		"encoders", "bsfs", "protocols", "filters", "pix_fmts", "layouts", "sample_fmts", "dispositions", "colors", "sources",
		"sinks", "hwaccels":
		return "it shows something and ends; run ffmpeg by hand for it"
	}
	return ""
}
