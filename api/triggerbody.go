package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"unicode/utf8"

	"github.com/refstream/refstream/markers"
)

// maxTriggerBody is far above what 120 characters need, however they are escaped.
const maxTriggerBody = 16 << 10

// triggerRequest is the body of POST /markers. length is 0 where it is left out.
type triggerRequest struct {
	text   string
	length int64
}

// readTrigger reads and checks the body. Members that are unknown or given twice are refused: they are mistakes that
// would pass silently.
func readTrigger(w http.ResponseWriter, r *http.Request, ch markers.Channel) (t triggerRequest, err error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return t, &Problem{
			Status: http.StatusUnsupportedMediaType, Field: "Content-Type", Detail: "the body must be application/json",
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTriggerBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return t, &Problem{
			Status: http.StatusRequestEntityTooLarge, Field: "body",
			Detail: fmt.Sprintf("the body has more than %d bytes", maxTriggerBody),
		}
	case err != nil:
		return t, badField("body", "the body can't be read")
	case !utf8.Valid(body): // the decoder would put replacement characters in
		return t, badField("body", "the body is not valid UTF-8")
	case !json.Valid(body):
		return t, badField("body", "the body is not JSON: send {} or {\"text\":…,\"length_frames\":…}")
	}
	members, err := membersOf(body)
	if err != nil {
		return t, err
	}
	if raw, ok := members["text"]; ok {
		if raw[0] != '"' || json.Unmarshal(raw, &t.text) != nil {
			return t, badField("text", "text must be a string")
		}
		if err := markers.CheckText(t.text); err != nil {
			return t, badField("text", "%s", err)
		}
	}
	if raw, ok := members["length_frames"]; ok {
		longest := markers.MaxEventSeconds * ch.Rate.Base()
		t.length, err = parseDigits(string(raw))
		if err != nil || t.length < 1 || t.length > longest {
			return t, badField("length_frames", "length_frames must be a whole number from 1 to %d", longest)
		}
	}
	return t, nil
}

// membersOf splits a JSON object whose syntax has been checked.
func membersOf(body []byte) (map[string]json.RawMessage, error) {
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
		if name != "text" && name != "length_frames" {
			return nil, badField(name, "there is no member %q: there are text and length_frames", name)
		}
		if _, twice := members[name]; twice {
			return nil, badField(name, "%s is given twice", name)
		}
		members[name] = raw
	}
	return members, nil
}
