package m3u8

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":               `""`,
		"Marker 42":      `"Marker 42"`,
		`say "hi"`:       `"say %22hi%22"`,
		"two\r\nlines":   `"two%0D%0Alines"`,
		"100%":           `"100%25"`,
		"{$var}":         `"%7B$var}"`,
		"a,b=c":          `"a,b=c"`,
		"Grüße, 日本":      `"Grüße, 日本"`,
		"\x00\x1f\x7f":   `"%00%1F%7F"`,
		"\u0085\u00a0":   "\"%C2%85\u00a0\"",
		"broken \xff":    "\"broken \ufffd\"",
		"#EXT-X-ENDLIST": `"#EXT-X-ENDLIST"`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

// FuzzQuote: whatever a text holds, it stays one attribute of one line, and can be had back.
func FuzzQuote(f *testing.F) {
	f.Add("Marker 1")
	f.Add("\"\n{$x}%\u0085\xff")
	f.Fuzz(func(t *testing.T, s string) {
		q := Quote(s)
		body := q[1 : len(q)-1]
		if strings.ContainsAny(body, "\"\r\n") || strings.Contains(body, "{$") || !utf8.ValidString(body) {
			t.Fatalf("Quote(%q) = %s", s, q)
		}
		for _, r := range body {
			if r < ' ' || r >= 0x7F && r < 0xA0 {
				t.Fatalf("Quote(%q) holds %U", s, r)
			}
		}
		back, err := url.PathUnescape(body)
		if err != nil || back != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Fatalf("Quote(%q) = %s, read as %q, %v", s, q, back, err)
		}
	})
}
