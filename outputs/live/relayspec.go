package live

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mattn/go-shellwords"
)

// startMark stands in an option for the DTS of the unit that a run of ffmpeg begins with, in ticks.
const startMark = "{start}"

// RelaySpec says where a relay leads. Its zero value is nowhere: ParseRelay, HLSRelay and DASHRelay make them.
type RelaySpec struct {
	// Name is the output without passwords, stream keys and queries, for people.
	Name string

	output  string   // ffmpeg's last argument
	options []string // before it
	carrier carrier

	dir string // is made; or empty
	// fresh: the output is a file, which must not be written over.
	fresh bool
	// waits: the output is open when somebody has connected, which may take any time.
	waits bool
	// secrets are looked for in what is logged and shown, the longest first.
	secrets []string
	carrierTraits
}

// ParseRelay reads the output of a relay: the address or file name of one, for which the format follows from scheme or
// extension; or, if it begins with - or has options after spaces, ffmpeg's output arguments, quoted as in a shell, with the
// output last. Nothing is expanded.
//
// A relay has one input, the stream, and one output, and copies. So arguments may hold -f, -map, -metadata, -bsf, -t and
// options of formats and protocols, and several outputs with -f tee, but not -i, filters, -attach, other codecs than copy,
// a second output, nor what changes ffmpeg's own input and output (-progress, -report, -loglevel, -stdin); the output can't
// be ffmpeg's standard output. Where ParseRelay sets options itself, those given come after them and win.
//
// Errors hold no secrets and say what to do.
func ParseRelay(output string) (RelaySpec, error) {
	spec, err := parseRelay(strings.TrimSpace(output))
	if err != nil {
		return RelaySpec{}, err
	}
	return spec, nil
}

func parseRelay(output string) (RelaySpec, error) {
	switch {
	case output == "":
		return RelaySpec{}, errors.New("the output is empty: name an address such as srt://host:9000 or a file such as out.mkv")
	case strings.ContainsRune(output, 0):
		return RelaySpec{}, errors.New("the output holds a NUL character")
	}
	if !hasOptions(output) {
		return singleRelay(strings.TrimPrefix(output, "file:"))
	}
	words, err := splitArguments(output)
	if err != nil {
		return RelaySpec{}, err
	}
	args, err := readArguments(words)
	if err != nil {
		return RelaySpec{}, err
	}
	args.output = strings.TrimPrefix(args.output, "file:")
	return argumentsRelay(args)
}

// hasOptions says whether an output is a list of arguments: it begins with an option or has one after a space.
func hasOptions(output string) bool {
	return slices.ContainsFunc(strings.Fields(output), isOption) || output[0] == '-'
}

// isOption says whether a word is an option; a dash alone isn't.
func isOption(word string) bool { return len(word) > 1 && word[0] == '-' }

// splitArguments splits a line as a shell does, but expands nothing.
func splitArguments(line string) ([]string, error) {
	p := shellwords.NewParser()
	p.ParseEnv, p.ParseBacktick = false, false
	words, err := p.Parse(line)
	const hint = "put ' around each argument that holds one of & ; | < > ( ) ` or a quote"
	if err != nil {
		return nil, fmt.Errorf("the arguments can't be split: a quote or bracket is open: %s", hint)
	}
	if p.Position >= 0 {
		return nil, fmt.Errorf("character %d of the arguments is one of a shell: %s", p.Position+1, hint)
	}
	return words, nil
}

// singleRelay is the relay to one address or file.
func singleRelay(output string) (RelaySpec, error) {
	muxer, err := muxerOf(output)
	if err != nil {
		return RelaySpec{}, err
	}
	return newRelay(output, carrier{muxer: muxer, scheme: schemeOf(output)}, "-f", muxer)
}

// argumentsRelay is the relay of output arguments.
func argumentsRelay(a relayArguments) (RelaySpec, error) {
	c := carrier{muxer: a.value("f"), segments: a.value("hls_segment_type"), mapped: a.has("map"), scheme: schemeOf(a.output)}
	if c.muxer == "" {
		// What is not known here, ffmpeg may know.
		c.muxer, _ = muxerOf(a.output)
	}
	spec, err := newRelay(a.output, c, a.words...)
	if err != nil {
		return RelaySpec{}, err
	}
	if a.has("y") {
		spec.fresh = false
	}
	if a.value("listen") == "1" || a.value("mode") == "listener" {
		spec.waits = true
	}
	spec.addSecrets(a.secrets()...)
	return spec, nil
}

// newRelay is the relay to an output with options after those of the carrier.
func newRelay(output string, c carrier, options ...string) (RelaySpec, error) {
	if output == "-" || strings.HasPrefix(output, "pipe:") || strings.HasPrefix(output, "fd:") {
		return RelaySpec{}, errors.New("nobody reads ffmpeg's standard output: name an address or a file")
	}
	s := RelaySpec{output: output, carrier: c, carrierTraits: c.traits()}
	s.options = append(c.options(), options...)
	s.Name = s.addAddress(output)
	s.waits = isListener(output)
	// A pattern such as out%03d.ts stands for many names, and formats of several files have ways of their own.
	s.fresh = c.isFile() && c.scheme == "" && !strings.Contains(output, "%")
	return s, nil
}

// arguments is the command line of ffmpeg without the program's name.
func (s RelaySpec) arguments(output string, start int64) []string {
	args := []string{
		"-hide_banner", "-nostdin", "-nostats", "-y", "-loglevel", "level+warning",
		"-progress", "pipe:1", "-stats_period", "0.2",
		"-copyts", // as they are, with the gaps
	}
	if s.rebased {
		args = append(args, "-start_at_zero")
	}
	if s.paced {
		args = append(args, "-re")
	}
	// The tables and a key frame say all there is to know. ffmpeg's 5 s would be a delay at every start; less than this
	// would be enough.
	args = append(args, "-analyzeduration", "100000", "-f", "mpegts", "-i", "pipe:0")
	for _, o := range s.options {
		args = append(args, strings.ReplaceAll(o, startMark, fmt.Sprint(start)))
	}
	return append(args, output)
}

// numberedName puts a number before a file's extension: out-2.ts.
func numberedName(name string, n int) string {
	ext := filepath.Ext(name)
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), n, ext)
}
