package redact

import (
	"slices"
	"strings"
)

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

// Hide takes the secrets out of a text. It is for the text as it came: escaped or cut it holds them in forms that can't be
// found.
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
