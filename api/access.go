package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/refstream/refstream/markers"
)

const (
	// triggerHeader and its value come from this machine's user: a foreign page can't send them without a preflight,
	// and no preflight allows them.
	triggerHeader = "X-Refstream"
	triggerValue  = "trigger"
)

// Reasons why a post is refused, for programs: the detail of the problem is for people.
const (
	reasonForeignAddress = "foreign_address" // the client is on another machine
	reasonProxied        = "proxied"
	reasonForeignHost    = "foreign_host"   // the server was reached under a name that others decide on
	reasonForeignOrigin  = "foreign_origin" // a page of another server
	reasonNoHeader       = "header_missing"
	reasonNoToken        = "token_missing"
	reasonWrongToken     = "token_wrong"
)

// posted is the channel that r posts to, where it may.
func (s *Server) posted(r *http.Request) (markers.Channel, error) {
	if err := s.authorize(r); err != nil {
		return markers.Channel{}, err
	}
	return s.channel(r.Context(), newQuery(r, "channel"))
}

// authorize says whether r may post: trigger an event, or write what a detector found.
//
// With a token that is whoever has it. Without one it is this machine's user: the connection and the Host are
// loopback (a foreign name that resolves to this machine, DNS rebinding, has another Host), no proxy stands between,
// and the header shows that it is not a page of another origin.
func (s *Server) authorize(r *http.Request) error {
	if s.cfg.Token != "" {
		return checkToken(r.Header.Values("Authorization"), s.cfg.Token)
	}
	const hint = ": open the page as http://127.0.0.1 with the server's port on that machine, or start the server with --token and " +
		"give that token"
	if !fromThisMachine(r) {
		return forbidden(reasonForeignAddress, "without a token, posts are taken from the server's own machine only"+hint)
	}
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if len(r.Header.Values(h)) > 0 {
			return forbidden(reasonProxied, "the server was reached through a proxy, and without a token posts are not taken through one"+hint)
		}
	}
	if err := s.checkHost(r); err != nil {
		return err
	}
	if origin := r.Header.Values("Origin"); len(origin) > 1 || len(origin) == 1 && origin[0] != "http://"+r.Host {
		return forbidden(reasonForeignOrigin, "the post comes from a page of another server, and without a token those may not post"+hint)
	}
	if v := r.Header.Values(triggerHeader); len(v) != 1 || v[0] != triggerValue {
		p := forbidden(reasonNoHeader, "the header "+triggerHeader+": "+triggerValue+" is missing: send it, or start the server with "+
			"--token and send that token")
		p.Field = triggerHeader
		return p
	}
	return nil
}

// checkHost refuses a request of this machine under a name that a name server has a say in: a page of such a name may be anybody's
// (DNS rebinding). With a token, whoever set it has decided who may reach the server; a request from elsewhere names this machine
// in whatever way there is.
func (s *Server) checkHost(r *http.Request) error {
	if s.cfg.Token != "" || !fromThisMachine(r) || isLoopbackHost(r.Host) {
		return nil
	}
	return forbidden(reasonForeignHost, fmt.Sprintf("the server was reached under the host name %.100q, and without a token posts are "+
		"taken under 127.0.0.1 or localhost only: open the page as http://127.0.0.1 with the server's port, or start the server with "+
		"--token and give that token", r.Host))
}

func fromThisMachine(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

func forbidden(reason, detail string) *Problem {
	return &Problem{Status: http.StatusForbidden, Reason: reason, Detail: detail}
}

// checkToken compares in constant time, and hashes first so that the length doesn't show either.
func checkToken(header []string, token string) error {
	p := &Problem{
		Status: http.StatusUnauthorized, Field: "Authorization", Reason: reasonNoToken, challenge: `Bearer realm="refstream"`,
		Detail: "a token is needed: send Authorization: Bearer and the token",
	}
	if len(header) != 1 {
		return p
	}
	scheme, given, _ := strings.Cut(header[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return p
	}
	a, b := sha256.Sum256([]byte(strings.TrimLeft(given, " "))), sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(a[:], b[:]) == 1 {
		return nil
	}
	p.challenge += `, error="invalid_token"`
	p.Reason, p.Detail = reasonWrongToken, "the token is wrong"
	return p
}

// isLoopbackHost says whether a Host header names this machine in a way that no name server has a say in.
func isLoopbackHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		name = host[1 : len(host)-1]
	}
	if strings.EqualFold(strings.TrimSuffix(name, "."), "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Unmap().IsLoopback()
}

// allowOrigin is where it is decided what pages of other origins may read: the media all of them, everything else those that the
// configuration allows. It adds the cross-origin headers, and answers a preflight, which it reports. X-Refstream is not among the
// headers that a foreign page may send: it is what tells this machine's user from a page that the user happens to look at.
func (s *Server) allowOrigin(w http.ResponseWriter, r *http.Request) (preflight bool) {
	if strings.HasPrefix(r.URL.Path, "/hls/") || strings.HasPrefix(r.URL.Path, "/live/") || strings.HasPrefix(r.URL.Path, "/faulty/") ||
		strings.HasPrefix(r.URL.Path, "/dash/") || r.URL.Path == "/time" {
		return allowMedia(w, r)
	}
	if len(s.cfg.CORSOrigins) == 0 {
		return false
	}
	h, origin := w.Header(), r.Header.Get("Origin")
	allowed := ""
	if slices.Contains(s.cfg.CORSOrigins, "*") {
		allowed = "*"
	} else if slices.Contains(s.cfg.CORSOrigins, origin) {
		allowed = origin
	}
	if allowed != "*" {
		h.Add("Vary", "Origin")
	}
	if origin == "" || allowed == "" {
		return false
	}
	h.Set("Access-Control-Allow-Origin", allowed)
	h.Set("Access-Control-Expose-Headers", "ETag, Link, Location, Retry-After, "+truncatedHeader)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	methods := "GET, HEAD, POST"
	if strings.HasPrefix(r.URL.Path, "/faults/") {
		methods += ", DELETE"
	}
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", strings.Join(
		[]string{"Authorization", "Content-Type", "Range", "If-None-Match", "Last-Event-ID"}, ", "))
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// allowMedia lets pages of every origin play the stream, as those of public test streams do: without credentials, and with the
// headers that players look at. It answers OPTIONS, which it reports.
func allowMedia(w http.ResponseWriter, r *http.Request) (answered bool) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Accept-Ranges, Content-Length, Content-Range, Date, ETag, Last-Modified, Retry-After")
	if r.Method != http.MethodOptions {
		return false
	}
	h.Set("Allow", "GET, HEAD, OPTIONS")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Range, If-Range, If-None-Match, If-Modified-Since, Cache-Control, Pragma")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
