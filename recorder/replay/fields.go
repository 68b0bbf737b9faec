package replay

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	ofConnection = "it is of one connection (RFC 9110, 7.6.1)"
	madeAnew     = "it is made anew for this answer"
	isKept       = "a browser keeps it for this host, on every port"
	leadsAway    = "it has a browser ask or tell other servers, or open another page"
)

// notReplayed are the fields of an answer that are not sent again, in lower case, with the reason.
var notReplayed = map[string]string{
	"connection": ofConnection, "keep-alive": ofConnection, "te": ofConnection, "trailer": ofConnection,
	"transfer-encoding": ofConnection, "upgrade": ofConnection,

	"date": madeAnew, "content-length": madeAnew, "accept-ranges": madeAnew, "location": madeAnew,

	"set-cookie": isKept, "set-cookie2": isKept, "strict-transport-security": isKept, "public-key-pins": isKept,
	"expect-ct": isKept, "alt-svc": isKept, "clear-site-data": isKept, "accept-ch": isKept, "critical-ch": isKept,
	"origin-agent-cluster": isKept, "set-login": isKept,

	"report-to": leadsAway, "nel": leadsAway, "reporting-endpoints": leadsAway, "link": leadsAway, "refresh": leadsAway,
	"speculation-rules": leadsAway, "sourcemap": leadsAway, "x-sourcemap": leadsAway,
	"content-security-policy-report-only": leadsAway, "attribution-reporting-register-source": leadsAway,
	"attribution-reporting-register-trigger": leadsAway, "observe-browsing-topics": leadsAway,

	"www-authenticate":        "a browser asks its user for the password of another server",
	"service-worker-allowed":  "a script that was recorded would answer for all that this server has",
	"content-security-policy": "this server sends its own", "x-content-type-options": "this server sends its own",
}

// inert makes a browser trust the recorded type and run no scripts, which would run as this server's. Media and playlists have
// none.
func inert(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; media-src 'self'")
}

// headerText writes the fields of a header that are replayed, a line each, in an order of its own.
func headerText(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			if replayed(name) && !strings.ContainsAny(v, "\r\n\x00") {
				b.WriteString(name + "\n" + v + "\n")
			}
		}
	}
	return b.String()
}

// setHeader puts what headerText wrote into a header.
func setHeader(h http.Header, text string) {
	for text != "" {
		var name, value string
		name, text, _ = strings.Cut(text, "\n")
		value, text, _ = strings.Cut(text, "\n")
		h[name] = append(h[name], value)
	}
}

// replayed reports whether a field of an answer is sent again, by its name.
func replayed(name string) bool {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	lower := strings.ToLower(name)
	return name != "" && notReplayed[lower] == "" && !strings.HasPrefix(lower, "proxy-") && strings.Trim(name, plain) == "" &&
		!strings.HasPrefix(lower, "access-control-") // this server decides whose pages may read it
}
