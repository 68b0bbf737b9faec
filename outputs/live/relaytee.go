package live

import (
	"errors"
	"strings"
)

// teeSlave is one of the outputs of ffmpeg's tee muxer: [option=value:option=value]output.
type teeSlave struct {
	options []relayOption
	output  string
}

// readTee takes the output of the tee muxer apart as it does, with backslashes and quotes.
func readTee(text string) (list []teeSlave, err error) {
	for {
		one, rest := teeToken(text, "|")
		s := teeSlave{output: one}
		if in, ok := strings.CutPrefix(one, "["); ok {
			if s, err = readSlave(in); err != nil {
				return nil, err
			}
		}
		s.output = withoutFile(s.output)
		list = append(list, s)
		if rest == "" {
			return list, nil
		}
		text = rest[1:]
	}
}

// readSlave reads what follows the opening bracket.
func readSlave(text string) (s teeSlave, err error) {
	for {
		value, rest := teeToken(text, ":]")
		if rest == "" {
			return s, errors.New("a bracket of an output of tee is not closed")
		}
		name, v, _ := strings.Cut(value, "=")
		name, v = strings.TrimSpace(name), strings.TrimSpace(v)
		switch name, _, _ := strings.Cut(name, "/"); {
		case (name == "f" || name == "fifo_format") && strings.Contains(v, "tee"), name == "fifo_options" && strings.Contains(v, "tee"):
			return s, errors.New("an output of tee can't be tee: name all outputs in one")
		}
		s.options = append(s.options, relayOption{name, v})
		if text = rest[1:]; rest[0] == ']' {
			s.output = strings.TrimSpace(text)
			return s, nil
		}
	}
}

// teeToken is ffmpeg's av_get_token: the text up to one of the characters in ends, which rest begins with, with backslashes
// and single quotes undone.
func teeToken(text, ends string) (token, rest string) {
	var b strings.Builder
	text = strings.TrimLeft(text, " \n\t\r")
	keep := 0 // as long as this, whatever blanks are there
	i := 0
	for i < len(text) && strings.IndexByte(ends, text[i]) < 0 {
		c := text[i]
		i++
		switch {
		case c == '\\' && i < len(text):
			b.WriteByte(text[i])
			i++
			keep = b.Len()
		case c == '\'':
			quoted, _, closed := strings.Cut(text[i:], "'")
			b.WriteString(quoted)
			if i += len(quoted); closed {
				i++
				keep = b.Len()
			}
		default:
			b.WriteByte(c)
		}
	}
	out := b.String()
	return out[:keep] + strings.TrimRight(out[keep:], " \n\t\r"), text[i:]
}
