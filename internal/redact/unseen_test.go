package redact

import "testing"

// TestUnseen escapes what can't be seen and nothing else.
func TestUnseen(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "",
		"Hélène <3 \\u202e":                      "Hélène <3 \\u202e",
		"❤️ ไทย हिन्दी":                          "❤️ ไทย हिन्दी", // marks that are seen with the letters before
		"a\x1b[2Jb\r\n\t\x7f":                    `a\u001b[2Jb\u000d\u000a\u0009\u007f`,
		"a\u009bb\u0085":                         `a\u009bb\u0085`,
		"gpj\u202eexe.\u2066x":                   `gpj\u202eexe.\u2066x`,
		"a\u200bb\u200c\u200d\u2060\ufeff\u00ad": `a\u200bb\u200c\u200d\u2060\ufeff\u00ad`,
		"\u2028\u2029\u3164\u115f\u034f":         `\u2028\u2029\u3164\u115f\u034f`,
		"\U000e0041":                             `\U000e0041`,
		"a\xff\xc3":                              `a\xff\xc3`,
		"\ufffd":                                 "\ufffd",
	} {
		if got := Unseen(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
		if got := Unseen(want); got != want {
			t.Errorf("%q, which is escaped, became %q", want, got)
		}
	}
	if got := UnseenLines("a\x1b\nb\r\n"); got != "a\\u001b\nb\\u000d\n" {
		t.Errorf("lines became %q", got)
	}
}
