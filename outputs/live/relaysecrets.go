package live

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const (
	// hidden stands for a secret.
	hidden = "…"
	// maxShown bounds a name that is shown, in bytes: it is a label of metrics and stands in every line of the log.
	maxShown = 200
)

// addSecrets adds what must not be shown, as it is and with its percent-encoding undone.
func (s *RelaySpec) addSecrets(list ...string) {
	for _, secret := range list {
		if len(secret) < shortSecret {
			continue
		}
		s.secrets = append(s.secrets, secret)
		if plain, err := url.PathUnescape(secret); err == nil && len(plain) >= shortSecret {
			s.secrets = append(s.secrets, plain)
		}
	}
	// What holds another one first.
	slices.SortFunc(s.secrets, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	s.secrets = slices.Compact(s.secrets)
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
	if s.output != s.place && len(s.secrets) > 0 {
		text = strings.ReplaceAll(text, s.output, s.place)
	}
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return text
}

// isSecretName says whether the value of an option or of a query's field may be secret.
func isSecretName(name string) bool {
	for _, part := range []string{"pass", "key", "secret", "token", "auth", "cookie", "header", "streamid", "rtmp_", "user",
		"cred", "sig", "post_data", "playpath", "_out_params", "_in_params", "ice_"} {
		if strings.Contains(strings.ToLower(name), part) {
			return true
		}
	}
	return false
}

// plainOption says whether an option's value holds no secrets, and helps to see what is done.
func plainOption(name string) bool {
	switch name {
	case "f", "c", "codec", "vcodec", "acodec", "dcodec", "scodec", "map", "bsf", "tag", "movflags", "fflags", "flags",
		"mpegts_flags", "hls_time", "hls_list_size", "hls_flags", "hls_segment_type", "segment_time", "pkt_size", "muxdelay",
		"muxpreload", "rtsp_transport", "select", "onfail", "use_fifo", "fifo_format":
		return true
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

// optionSecrets are what may be secret in the value of an option: all of it, unless the option is a plain one or the value
// a simple word.
func optionSecrets(name, value string) []string {
	switch {
	case plainOption(name):
		return nil
	case isSecretName(name), strings.ContainsAny(value, "=:/@? ,;"):
		return secretPieces(value)
	}
	return nil
}

// secretPieces are what a program may say of a text that is secret: the text, its fields, and the words in them. Words that
// are the value of a plain field are not.
func secretPieces(text string) (list []string) {
	secret := false
	isBetween := func(r rune) bool { return strings.ContainsRune("&|;,\"'[](){}\\", r) || unicode.IsSpace(r) }
	for field := range strings.FieldsFuncSeq(text, isBetween) {
		name, value, ok := strings.Cut(field, "=")
		if !ok {
			value = field
		} else if (plainValue(name) || plainOption(name)) && !strings.ContainsAny(value, "=:/?@") {
			continue
		}
		secret = true
		list = append(list, value)
		list = append(list, strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("=:/?@#<>", r) })...)
	}
	// A field whose value holds what looks like the end of one.
	for field := range strings.SplitSeq(text, "&") {
		if name, value, ok := strings.Cut(field, "="); ok && !plainValue(name) {
			list = append(list, value)
		}
	}
	if secret {
		list = append(list, text)
	}
	return list
}

// address is one of ffmpeg's, taken apart so that what is secret is apart from what may be shown.
type address struct {
	// head is the scheme with what follows it, "srt://"; host is that and port, or hidden if it may be something else.
	head, host string
	// path is what may be shown of it, with its slash.
	path string
	// secret is what may not.
	secret []string
}

var plainHost = regexp.MustCompile(`^(?:[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.%]+\])(?::[0-9]*)?$`)

// readAddress takes an address with a scheme apart. All that follows a question mark, a number sign or a blank is secret, as
// are user and password, and all of RTMP's path after the application, which is the stream key.
func readAddress(output string) (a address) {
	scheme := schemeOf(output)
	rest := output[len(scheme)+1:]
	a.head = scheme + ":"
	if r, ok := strings.CutPrefix(rest, "//"); ok {
		a.head, rest = a.head+"//", r
	}
	isEnd := func(r rune) bool { return r == '?' || r == '#' || unicode.IsSpace(r) }
	if i := strings.IndexFunc(rest, isEnd); i >= 0 {
		a.secret = secretPieces(rest[i+1:])
		rest = rest[:i]
	}
	host, path, slash := strings.Cut(rest, "/")
	if scheme == "unix" {
		a.path = rest // of a file
		return a
	}
	if user, h, ok := cutLast(host, "@"); ok {
		name, password, _ := strings.Cut(user, ":")
		a.secret = append(a.secret, user, name, password)
		host = h
	}
	if !plainHost.MatchString(host) || strings.Contains(path, "@") {
		// A password with a slash in it, perhaps.
		a.secret = append(a.secret, secretPieces(rest)...)
		a.host = hidden
		return a
	}
	a.host = host
	if !slash {
		return a
	}
	if strings.HasPrefix(scheme, "rtmp") || strings.HasPrefix(scheme, "ffrtmp") {
		app, key, _ := strings.Cut(path, "/")
		a.path = "/" + app
		a.secret = append(a.secret, key)
		a.secret = append(a.secret, strings.Split(key, "/")...)
		return a
	}
	a.path = "/" + path
	return a
}

// name is an output for people, and its secrets. Of addresses that are not the whole of what was given only the host is shown.
func (c carrier) name(output string, alone bool) (name string, secret []string) {
	switch {
	case c.muxer == "tee":
		name, secret = teeName(output)
	case schemeOf(output) == "":
		file, query, _ := strings.Cut(output, "?") // no file's, but perhaps of an address that lacks its scheme
		name, secret = file, secretPieces(query)
	default:
		a := readAddress(output)
		if !alone && a.head != "unix:" {
			if len(a.path) > 1 {
				a.secret = append(a.secret, secretPieces(a.path[1:])...)
			}
			a.path = ""
		}
		name, secret = a.head+a.host+a.path, a.secret
	}
	return shown(name), secret
}

// teeName shows nothing but the addresses' hosts and the names of files.
func teeName(output string) (name string, secret []string) {
	slaves, err := readTee(output)
	if err != nil {
		return "tee", secretPieces(output)
	}
	var names []string
	for _, s := range slaves {
		for _, o := range s.options {
			secret = append(secret, optionSecrets(o.name, o.value)...)
		}
		n, more := carrier{}.name(s.output, false)
		names, secret = append(names, n), append(secret, more...)
	}
	return strings.Join(names, " | "), secret
}

// shown makes a name one that can be shown: in UTF-8, of one line, without what can't be seen, and not too long.
func shown(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(name, "?"))
	if len(name) <= maxShown {
		return name
	}
	return strings.ToValidUTF8(name[:maxShown-len(hidden)], "") + hidden
}

// cutLast cuts at the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}
