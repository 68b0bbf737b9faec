package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/markers"
)

// readJSONBody reads a body of at most so many bytes and checks its syntax. example is what to send instead.
func readJSONBody(w http.ResponseWriter, r *http.Request, most int64, example string) ([]byte, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, refusal(http.StatusUnsupportedMediaType, "Content-Type", "the body must be application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, refusal(http.StatusRequestEntityTooLarge, "body", "the body has more than %d bytes", most)
	case err != nil:
		return nil, badField("body", "the body can't be read")
	case !utf8.Valid(body): // the decoder would put replacement characters in
		return nil, badField("body", "the body is not valid UTF-8")
	case !json.Valid(body):
		return nil, badField("body", "the body is not JSON: send %s", example)
	}
	return body, nil
}

// textOf reads the member text, empty where there is none. What can't be seen in it is escaped: it is shown in playlists, tables
// and terminals, beside texts of others.
func textOf(members map[string]json.RawMessage) (text string, err error) {
	raw, ok := members["text"]
	if !ok {
		return "", nil
	}
	if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return "", badField("text", "text must be a string")
	}
	err = markers.CheckText(text)
	if err == nil {
		text = redact.Unseen(text)
		err = markers.CheckText(text)
	}
	if err != nil {
		return "", badField("text", "%s", err)
	}
	return text, nil
}

// membersOf splits a JSON object whose syntax has been checked. Members that are not known or come twice are refused.
func membersOf(body []byte, known ...string) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, badField("body", "the body must be a JSON object")
	}
	members := map[string]json.RawMessage{}
	for dec.More() {
		key, err := dec.Token()
		name, _ := key.(string)
		var raw json.RawMessage
		if err == nil {
			err = dec.Decode(&raw)
		}
		if err != nil {
			return nil, badField("body", "the body can't be read: %s", err)
		}
		if !slices.Contains(known, name) {
			return nil, badField(name, "there is no member %q: there are %s", name, strings.Join(known, ", "))
		}
		if _, twice := members[name]; twice {
			return nil, badField(name, "%s is given twice", name)
		}
		members[name] = raw
	}
	return members, nil
}
