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
		list = append(list, optionSecrets(o.name, o.value)...)
	}
	return list
}

// shown are the words without values that may be secret: all but those of a few options are left out.
func (a relayArguments) shown() (list []string) {
	words := a.words
	for _, o := range a.named {
		list, words = append(list, words[0]), words[1:]
		if relayFlag(o.name) {
			continue
		}
		value := words[0]
		if words = words[1:]; !plainOption(o.name) {
			value = hidden
		}
		list = append(list, value)
	}
	return list
}

// files are names of files in the values of options, which ffmpeg writes.
func (a relayArguments) files() (list []string) {
	for _, name := range []string{"hls_segment_filename", "segment_list", "segment_list_entry_prefix", "hls_subtitle_path"} {
		if v := a.value(name); v != "" {
			list = append(list, v)
		}
	}
	return list
}

// readArguments takes output arguments apart as ffmpeg does: what begins with a dash is an option, which has a value unless
// it is one of ffmpeg's flags; what doesn't is an output. Its errors quote nothing of the arguments but known names of options.
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
			return a, fmt.Errorf("argument %d is no option of ffmpeg's, but begins with a dash: an output of such a name is ./-name", i+1)
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
			return a, errors.New("the last option has no value, or there is no output after it")
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
