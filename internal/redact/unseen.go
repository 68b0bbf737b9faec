package redact

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

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
