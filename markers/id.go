package markers

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ID orders the records of one kind: by the frame they begin with, then by Sub, which is at least 1.
type ID struct {
	Frame, Sub int64
}

// MaxID is at or after every record.
var MaxID = ID{math.MaxInt64, math.MaxInt64}

// AtFrame is at or before every record of frame n and after every record of an earlier frame.
func AtFrame(n int64) ID { return ID{Frame: n} }

// EndOfFrame is at or after every record of frame n and before every record of a later one.
func EndOfFrame(n int64) ID { return ID{n, math.MaxInt64} }

// String writes frame-sub, which is also the form of a Redis stream's entry IDs.
func (i ID) String() string {
	return strconv.FormatInt(i.Frame, 10) + "-" + strconv.FormatInt(i.Sub, 10)
}

// ParseID reads what String writes, and only that: no signs, no leading zeros; neither part may be negative.
func ParseID(s string) (ID, error) {
	a, b, _ := strings.Cut(s, "-")
	f, err1 := strconv.ParseInt(a, 10, 64)
	sub, err2 := strconv.ParseInt(b, 10, 64)
	id := ID{f, sub}
	if err1 != nil || err2 != nil || f < 0 || sub < 0 || id.String() != s {
		return ID{}, fmt.Errorf("%q is not a record id such as 600-1", s)
	}
	return id, nil
}

// MarshalText writes what String does.
func (i ID) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText reads what ParseID does.
func (i *ID) UnmarshalText(b []byte) error {
	id, err := ParseID(string(b))
	if err == nil {
		*i = id
	}
	return err
}

// Compare is -1, 0 or 1 as i is before, at or after j.
func (i ID) Compare(j ID) int {
	return cmp.Or(cmp.Compare(i.Frame, j.Frame), cmp.Compare(i.Sub, j.Sub))
}

// Next is the smallest ID after i; nothing is after MaxID, which is its own.
func (i ID) Next() ID {
	if i == MaxID {
		return i
	}
	if i.Sub == math.MaxInt64 {
		return ID{i.Frame + 1, 0}
	}
	return ID{i.Frame, i.Sub + 1}
}

// Range selects records of one log.
type Range struct {
	// From and To are inclusive. The zero To means no upper bound.
	From, To ID
	// Limit is the largest number of records to return; 0 means no limit.
	Limit int
	// Desc returns the newest first, so that Limit keeps the newest.
	Desc bool
}
