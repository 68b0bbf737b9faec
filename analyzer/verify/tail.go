package verify

import "strings"

// tail keeps the end of what a program says on its standard error. Its zero value is ready.
type tail struct{ text []byte }

// maxTail is enough for the last lines of a complaint.
const maxTail = 1000

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - maxTail; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// String is what was said as an addition to an error: empty, or a colon and one line.
func (t *tail) String() string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.text), "?"))
	if text == "" {
		return ""
	}
	return ": " + strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
