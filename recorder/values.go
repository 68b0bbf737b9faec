package recorder

import (
	"encoding/json"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/hlsclient"
)

// headerText is the answer's header as it is written: not again where all is as it was the last time.
func headerText(e *hlsclient.Exchange, known bool) (any, error) {
	if e.Header == nil || known {
		return nil, nil
	}
	b, err := json.Marshal(e.Header)
	return string(b), err
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// orNull is NULL for the zero value.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func rangeValue(r *m3u8.ByteRange, offset bool) any {
	switch {
	case r == nil:
		return nil
	case offset:
		return r.Offset
	}
	return r.Length
}

// pdtValue is NULL where there is no time, or none that can be counted in nanoseconds.
func pdtValue(t time.Time) any {
	if t.Year() <= 1678 || t.Year() >= 2262 {
		return nil
	}
	return t.UnixNano()
}
