package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/refstream/refstream/markers"
)

const (
	// triggerHeader and its value come from this machine's user: a foreign page can't send them without a preflight,
	// and no preflight allows them.
	triggerHeader = "X-Refstream"
	triggerValue  = "trigger"
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
	forbidden := func(detail string) error { return &Problem{Status: http.StatusForbidden, Detail: detail} }
	const hint = "; give the server a token to post from elsewhere"
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || !peer.Addr().Unmap().IsLoopback() {
		return forbidden("without a token, posts are taken from the server's own machine only" + hint)
	}
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if len(r.Header.Values(h)) > 0 {
			return forbidden("without a token, posts are not taken through a proxy" + hint)
		}
	}
	if !isLoopbackHost(r.Host) {
		return forbidden("without a token, posts are taken under a loopback address only, such as localhost" + hint)
	}
	if origin := r.Header.Values("Origin"); len(origin) > 1 || len(origin) == 1 && origin[0] != "http://"+r.Host {
		return forbidden("pages of other origins may not post" + hint)
	}
	if v := r.Header.Values(triggerHeader); len(v) != 1 || v[0] != triggerValue {
		return &Problem{
			Status: http.StatusForbidden, Field: triggerHeader,
			Detail: "the header " + triggerHeader + ": " + triggerValue + " is missing" + hint,
		}
	}
	return nil
}

// checkToken compares in constant time, and hashes first so that the length doesn't show either.
func checkToken(header []string, token string) error {
	p := &Problem{
		Status: http.StatusUnauthorized, Field: "Authorization", challenge: `Bearer realm="refstream"`,
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
	p.Detail = "the token is wrong"
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
