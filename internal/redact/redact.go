// Package redact takes what is secret out of what people get to see.
package redact

import (
	"net/url"
	"strings"
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

// Error is the text without secrets.
func (r *redacted) Error() string { return r.text }

// Unwrap gives the error.
func (r *redacted) Unwrap() error { return r.err }

// Error takes out of what an error says what hide takes out of texts; what it wraps stays. The error may be nil.
func Error(err error, hide func(string) string) error {
	if err == nil {
		return nil
	}
	if text := hide(err.Error()); text != err.Error() {
		return &redacted{text, err}
	}
	return err
}
