// Package redact takes what is secret out of what people get to see.
package redact

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Address is an address without its password, for people; one without a password is as it was.
func Address(address string) string {
	if u, err := url.Parse(address); err == nil {
		if u.User == nil {
			return address
		}
		return u.Redacted()
	}
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	host := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		host = rest[:end]
	}
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		rest = "xxxxx" + rest[at:]
	}
	return scheme + "://" + rest
}

// Text replaces the passwords of URLs in a text.
func Text(text string) string {
	var b strings.Builder
	for {
		start := strings.Index(text, "//")
		if start < 0 {
			b.WriteString(text)
			return b.String()
		}
		start += len("//")
		b.WriteString(text[:start])
		text = text[start:]
		end := strings.IndexAny(text, "/?# \t\r\n\"<>\\")
		if end < 0 {
			end = len(text)
		}
		at := strings.LastIndexByte(text[:end], '@')
		if colon := strings.IndexByte(text[:end], ':'); colon >= 0 && colon < at {
			b.WriteString(text[:colon] + ":xxxxx")
			text = text[at:]
		}
	}
}

// redacted is an error with another text.
type redacted struct {
	text string
	err  error
}

func (r *redacted) Error() string { return r.text }

func (r *redacted) Unwrap() error { return r.err }

// Error takes out of what an error states what hide takes out of texts; what it wraps stays. The error may be nil.
func Error(err error, hide func(string) string) error {
	if err == nil {
		return nil
	}
	if text := hide(err.Error()); text != err.Error() {
		return &redacted{text, err}
	}
	return err
}

const (
	// Hidden stands for a secret.
	Hidden = "…"
	// Short is the length in bytes under which a secret is found in other words: a text that holds one is left out
	// altogether.
	Short = 4
)

// Secrets are texts that nobody is to see: the longest first, none empty.
type Secrets []string

// NewSecrets makes them of a list in any order, which may repeat some.
func NewSecrets(list ...string) Secrets {
	all := slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
	// What holds another one first.
	slices.SortFunc(all, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(all)
}

// Hide takes the secrets out of a text as it was received: escaped or cut, it holds them in forms that can't be found.
func (all Secrets) Hide(text string) string {
	for _, s := range all {
		switch {
		case !strings.Contains(text, s):
		case len(s) < Short:
			return Hidden
		default:
			text = strings.ReplaceAll(text, s, Hidden)
		}
	}
	return text
}

// Paths is the text of an error for others than the operator: the paths in the system's errors that it wraps are cut to file names.
func Paths(err error) string {
	text := err.Error()
	for _, path := range NewSecrets(paths(err)...) { // the longest first
		if name := filepath.Base(path); name != path {
			text = strings.ReplaceAll(text, path, name)
		}
	}
	return text
}

func paths(err error) (list []string) {
	switch e := err.(type) { //nolint:errorlint // it is taken apart here
	case *fs.PathError:
		list = append(list, e.Path)
	case *os.LinkError:
		list = append(list, e.Old, e.New)
	case *net.OpError:
		for _, a := range []net.Addr{e.Source, e.Addr} {
			if unix, ok := a.(*net.UnixAddr); ok && unix != nil {
				list = append(list, unix.Name)
			}
		}
	}
	switch e := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() error }:
		if inner := errors.Unwrap(err); inner != nil {
			list = append(list, paths(inner)...)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if inner != nil {
				list = append(list, paths(inner)...)
			}
		}
	}
	return list
}

// Unseen escapes what somebody else's text holds that can't be seen, as Go writes it in strings: control characters, which
// steer a terminal, marks that change the order in which others are shown, such as U+202E, characters without width, and bytes
// that are no UTF-8. All else stays as it is.
func Unseen(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, unseen) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case !unseen(r):
			b.WriteString(text[:size])
		case r > 0xFFFF:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		text = text[size:]
	}
	return b.String()
}

// unseen reports whether a character has no form of its own: control and format characters, separators of lines, and what fonts
// show as nothing. Variation selectors are not among them: they choose the form of the character before, as in emoji.
func unseen(r rune) bool {
	if unicode.Is(unicode.Variation_Selector, r) {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
}

// UnseenLines is Unseen for a text of several lines, whose ends stay.
func UnseenLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = Unseen(l)
	}
	return strings.Join(lines, "\n")
}

// excerptLength is how much of a faulty text a message repeats.
const excerptLength = 40

// Excerpt is the beginning of a text in quotes.
func Excerpt(text string) string {
	if len(text) > excerptLength {
		return fmt.Sprintf("%q…", text[:excerptLength])
	}
	return fmt.Sprintf("%q", text)
}
