package redact

import (
	"errors"
	"io"
	"testing"
)

// TestText takes passwords out of texts, and nothing else.
func TestText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://u:pw@h/a":                              "http://u:xxxxx@h/a",
		`get "https://u:p@w@h:8/a?b=c": no`:            `get "https://u:xxxxx@h:8/a?b=c": no`,
		"//u:@h, http://u@h/, http://h:80/a@b, a:b@c":  "//u:xxxxx@h, http://u@h/, http://h:80/a@b, a:b@c",
		"http://a:1@b/ and http://c:2@d and http://e/": "http://a:xxxxx@b/ and http://c:xxxxx@d and http://e/",
		"": "", "//": "//", "http://": "http://", "http://:@": "http://:xxxxx@",
	} {
		if got := Text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// TestAddress has the password of an address left out, whether it is a URL or not.
func TestAddress(t *testing.T) {
	for address, want := range map[string]string{
		"http://u:pw@h/a": "http://u:xxxxx@h/a", "http://h/a@b": "http://h/a@b", "file.m3u8": "file.m3u8",
		"http://u:p w@h:x/a": "http://xxxxx@h:x/a", "http://h:x/a@b": "http://h:x/a@b", ":": ":",
	} {
		if got := Address(address); got != want {
			t.Errorf("%q became %q, want %q", address, got, want)
		}
	}
}

// TestError keeps what an error wraps.
func TestError(t *testing.T) {
	cause := errors.New("get http://u:pw@h/a")
	if err := Error(cause, Text); err.Error() != "get http://u:xxxxx@h/a" || !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	if err := Error(io.EOF, Text); err != io.EOF {
		t.Errorf("%v", err)
	}
	if Error(nil, Text) != nil {
		t.Error("nil became an error")
	}
}
