package hls

import "strings"

// redactText replaces the passwords of URLs in a text.
func redactText(text string) string {
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

// redactedError is an error whose text has no passwords.
type redactedError struct {
	text string
	err  error
}

// Error is the text without them.
func (e *redactedError) Error() string { return e.text }

// Unwrap gives the error.
func (e *redactedError) Unwrap() error { return e.err }

// withoutPasswords takes the passwords of URLs out of what an error says.
func withoutPasswords(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if redacted := redactText(text); redacted != text {
		return &redactedError{redacted, err}
	}
	return err
}
