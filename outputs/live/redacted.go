package live

// shortSecret is the length under which a key is not looked for in texts: it would be found in other words.
const shortSecret = 4

// redacted is an error with another text.
type redacted struct {
	err  error
	text string
}

func (r *redacted) Error() string { return r.text }

func (r *redacted) Unwrap() error { return r.err }
