package live

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mattn/go-shellwords"
)

// startMark stands in an option for the DTS of the unit that a run of ffmpeg begins with, in ticks.
const startMark = "{start}"

// maxOutput is the most bytes that an output may have: more than any address that ffmpeg takes, which are 4096, with all
// options one could want, and far less than a command line may have.
const maxOutput = 16 << 10

// RelaySpec says where a relay leads. Its zero value is nowhere: ParseRelay, HLSRelay and DASHRelay make them.
type RelaySpec struct {
	// Name is the output without passwords, stream keys and queries, for people.
	Name string

	output  string   // ffmpeg's last argument
	place   string   // that, without secrets
	options []string // before it
	given   []string // after those, by who asked for the relay
	shown   []string // given without what may be secret
	carrier carrier
	files   []string // written to, or next to; none if the output is no file

	dir string // is made; or empty
	// fresh: the output is a file, which must not be written over.
	fresh bool
	// waits: the output is open when somebody has connected, which may take any time.
	waits bool
	// checked: it is looked at whether what was written is whole.
	checked bool
	// secrets are looked for in what is logged and shown, the longest first.
	secrets []string
	carrierTraits
}

// ParseRelay reads the output of a relay: the address or file name of one, for which the format follows from scheme or
// extension; or, if it begins with - or has options after spaces, ffmpeg's output arguments, quoted as in a shell, with the
// output last. Nothing is expanded.
//
// A relay has one input, the stream, and one output, copies and has no end. So arguments may hold -f, -map, -metadata, -bsf
// and options of formats and protocols, and several outputs with -f tee, but not -i, filters, -attach, -t, other codecs than
// copy, a second output, nor what changes ffmpeg's own input and output (-progress, -report, -loglevel, -stdin); the output
// can't be ffmpeg's standard output. Where ParseRelay sets options itself, those given come after them and win.
//
// Files that exist are not written over, unless with -y: the output gets another name, and formats and tees that write to
// several files must have -y. Playlists and manifests are renewed, with their segments.
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
	case len(output) > maxOutput:
		return RelaySpec{}, fmt.Errorf("the output has %d characters: %d are the most", len(output), maxOutput)
	}
	if !hasOptions(output) {
		return singleRelay(withoutFile(output))
	}
	words, err := splitArguments(output)
	if err != nil {
		return RelaySpec{}, err
	}
	args, err := readArguments(words)
	if err != nil {
		return RelaySpec{}, err
	}
	args.output = withoutFile(args.output)
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
	if err := checkOutput(output); err != nil {
		return RelaySpec{}, err
	}
	muxer, err := muxerOf(output)
	if err != nil {
		return RelaySpec{}, err
	}
	s, err := newRelay(output, carrier{muxer: muxer, scheme: schemeOf(output)}, true)
	s.options = append(s.options, "-f", muxer)
	return s, err
}

// argumentsRelay is the relay of output arguments.
func argumentsRelay(a relayArguments) (RelaySpec, error) {
	c := carrier{muxer: a.value("f"), segments: a.value("hls_segment_type"), mapped: a.has("map"), scheme: schemeOf(a.output)}
	switch {
	case c.muxer == "":
		// What is not known here, ffmpeg may know.
		c.muxer, _ = muxerOf(a.output)
	case c.muxer == "fifo" && a.value("fifo_format") == "tee":
		return RelaySpec{}, errors.New("a fifo of tee is not known here: use -f tee with -use_fifo 1")
	}
	s, err := newRelay(a.output, c, false)
	if err != nil {
		return RelaySpec{}, err
	}
	switch {
	case a.has("y"):
		s.fresh = false
	case c.muxer == "tee" && len(s.files) > 0:
		return RelaySpec{}, errors.New("tee writes over files that exist: allow it with -y, or use a relay for each output")
	case c.manyFiles() && len(s.files) > 0:
		return RelaySpec{}, errors.New("that format writes over files that exist: allow it with -y, or write one file")
	}
	for _, f := range a.files() {
		if errors.Is(checkOutput(f), errStandard) {
			return RelaySpec{}, errStandard
		}
		if schemeOf(f) == "" {
			s.files = append(s.files, f)
		}
	}
	s.given, s.shown = a.words, a.shown()
	if v := a.value("listen"); v != "" && v != "0" {
		s.waits = true
	}
	if v := a.value("mode"); v == "listener" || v == "1" {
		s.waits = true
	}
	s.checked = s.checked && !a.has("hls_flags") // without temporary files, one that is being written may be empty
	s.addSecrets(a.secrets()...)
	return s, nil
}

// newRelay is the relay to an output with the options of the carrier. alone says that the output is all that was given.
func newRelay(output string, c carrier, alone bool) (RelaySpec, error) {
	s := RelaySpec{output: output, carrier: c, carrierTraits: c.traits(), options: c.options(), waits: isListener(output)}
	outputs := []string{output}
	if c.muxer == "tee" {
		slaves, err := readTee(output)
		if err != nil {
			return RelaySpec{}, err
		}
		outputs = nil
		for _, slave := range slaves {
			outputs = append(outputs, slave.output)
		}
	}
	for _, o := range outputs {
		if err := checkOutput(o); err != nil {
			return RelaySpec{}, err
		}
		if schemeOf(o) == "" {
			s.files = append(s.files, o)
		}
	}
	var secrets []string
	s.place, secrets = c.name(output, alone)
	s.addSecrets(secrets...)
	s.Name = s.place
	if !alone && knownName.MatchString(c.muxer) {
		s.Name = shown(c.muxer + " " + s.place)
	}
	isFile := len(s.files) > 0 && c.muxer != "tee"
	s.fresh = isFile && !c.writesOver(output)
	s.checked = isFile && (c.muxer == "hls" || c.muxer == "dash")
	return s, nil
}

// knownName is what names of formats look like.
var knownName = regexp.MustCompile(`^[a-z0-9_]{1,20}$`)

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
	return append(append(args, s.given...), output)
}

// shownArguments are the same without secrets.
func (s RelaySpec) shownArguments(output string, start int64) []string {
	if output == s.output {
		output = s.place
	}
	s.given = s.shown
	return s.arguments(shown(output), start)
}
