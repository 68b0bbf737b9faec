package live

import (
	"net/url"
	"slices"
	"strings"
)

// hidden stands for a secret.
const hidden = "…"

// addSecrets adds what must not be shown, as it is and with its percent-encoding undone.
func (s *RelaySpec) addSecrets(list ...string) {
	for _, secret := range list {
		s.secrets = append(s.secrets, secret)
		if plain, err := url.PathUnescape(secret); err == nil {
			s.secrets = append(s.secrets, plain)
		}
	}
	// What holds another one first.
	slices.SortFunc(s.secrets, func(a, b string) int { return len(b) - len(a) })
	s.secrets = slices.Compact(s.secrets)
}

// addAddress takes the secrets from an output, and returns it without them.
func (s *RelaySpec) addAddress(output string) string {
	s.addSecrets(addressSecrets(output)...)
	return s.redactText(shownAddress(output))
}

// redact takes the secrets out of an error's text; what it wraps stays.
func (s *RelaySpec) redact(err error) error {
	if err == nil {
		return nil
	}
	if text := s.redactText(err.Error()); text != err.Error() {
		return &redacted{err, text}
	}
	return err
}

// redactText takes the secrets out of a text.
func (s *RelaySpec) redactText(text string) string {
	for _, secret := range s.secrets {
		if len(secret) >= shortSecret {
			text = strings.ReplaceAll(text, secret, hidden)
		}
	}
	return text
}

// redactAll does so with arguments, where a short secret can be found as well.
func (s *RelaySpec) redactAll(args []string) []string {
	list := make([]string, len(args))
	for i, a := range args {
		list[i] = s.redactText(shownAddress(a))
		if a != "" && slices.Contains(s.secrets, a) {
			list[i] = hidden
		}
	}
	return list
}

// isSecretName says whether the value of an option or of a query's field may be secret.
func isSecretName(name string) bool {
	for _, part := range []string{"pass", "key", "secret", "token", "auth", "cookie", "header", "streamid", "rtmp_", "user",
		"cred", "sig", "post_data", "playpath"} {
		if strings.Contains(strings.ToLower(name), part) {
			return true
		}
	}
	return false
}

// plainValue says whether the value of a query's field is one of those that ffmpeg's protocols have, so that it is no
// secret: it is a word in messages that are to be read.
func plainValue(name string) bool {
	switch name {
	case "mode", "listen", "pkt_size", "payload_size", "latency", "rcvlatency", "peerlatency", "transtype", "timeout",
		"listen_timeout", "connect_timeout", "ttl", "reuse", "buffer_size", "fifo_size", "localport", "localaddr",
		"localrtpport", "localrtcpport", "rtcpport", "broadcast", "bitrate", "burst_bits", "overrun_nonfatal", "pbkeylen",
		"maxbw", "inputbw", "oheadbw", "tlpktdrop", "nakreport", "linger", "smoother", "type", "tcp_nodelay", "send_buffer_size",
		"recv_buffer_size", "sndbuf", "rcvbuf", "ipttl", "iptos", "mss", "ffs", "profile", "buffer_time", "connect":
		return true
	}
	return false
}

// addresses calls f with the places of all addresses with a scheme in a text, from where the scheme begins to where the
// address ends.
func addresses(text string, f func(from, to int)) {
	for at := 0; ; {
		i := strings.Index(text[at:], "://")
		if i < 0 {
			return
		}
		from, to := at+i, len(text)
		for from > at && (isLetter(text[from-1]) || text[from-1] >= '0' && text[from-1] <= '9' || text[from-1] == '+') {
			from--
		}
		if end := strings.IndexAny(text[at+i:], "|]\"' \t\n"); end >= 0 {
			to = at + i + end
		}
		f(from, to)
		at = to
	}
}

// addressSecrets lists what is secret in the addresses that a text holds: user and password, the values of queries, and
// the stream key of RTMP, which is all of the path after the application. A query after a file's name counts as well.
func addressSecrets(text string) (list []string) {
	addresses(text, func(from, to int) {
		scheme, rest, _ := strings.Cut(text[from:to], "://")
		rest, query, _ := strings.Cut(rest, "?")
		host, path, _ := strings.Cut(rest, "/")
		if user, _, ok := cutLast(host, "@"); ok {
			_, password, _ := strings.Cut(user, ":")
			list = append(list, user, password)
		}
		list = append(list, querySecrets(query)...)
		if strings.HasPrefix(scheme, "rtmp") {
			if _, key, ok := strings.Cut(path, "/"); ok && key != "" {
				list = append(list, key)
				list = append(list, strings.Split(key, "/")...)
			}
		}
	})
	return list
}

func querySecrets(query string) (list []string) {
	if query == "" {
		return nil
	}
	secret := false
	for pair := range strings.SplitSeq(query, "&") {
		name, value, ok := strings.Cut(pair, "=")
		switch {
		case !ok:
			list, secret = append(list, pair), true
		case !plainValue(name):
			list, secret = append(list, value), true
		}
	}
	if secret {
		list = append(list, query)
	}
	return list
}

// shownAddress is a text with its addresses without user, password and query, and those of RTMP without stream key.
func shownAddress(text string) string {
	var b strings.Builder
	last := 0
	addresses(text, func(from, to int) {
		scheme, rest, _ := strings.Cut(text[from:to], "://")
		rest, _, _ = strings.Cut(rest, "?")
		rest, _, _ = strings.Cut(rest, "#")
		host, path, slash := strings.Cut(rest, "/")
		if _, h, ok := cutLast(host, "@"); ok {
			host = h
		}
		if strings.HasPrefix(scheme, "rtmp") {
			path, _, _ = strings.Cut(path, "/")
		}
		b.WriteString(text[last:from] + scheme + "://" + host)
		if slash {
			b.WriteString("/" + path)
		}
		last = to
	})
	b.WriteString(text[last:])
	return b.String()
}

// cutLast cuts at the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}
