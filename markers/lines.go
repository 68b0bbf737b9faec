package markers

import (
	"bytes"
	"fmt"

	"github.com/refstream/refstream/internal/jsonlines"
)

// readLines reads the whole lines of a journal file, whose IDs must rise and be after the given one. good is their length
// in bytes: what follows is a line that was not written to its end. The error is a *jsonlines.Error.
func readLines[T record[T]](data []byte, after ID) (recs []T, good int, err error) {
	whole, _, err := jsonlines.Each(bytes.NewReader(data), func(r T) error {
		if err := r.Validate(); err != nil {
			return err
		}
		id := r.RecordID()
		if id.Compare(after) <= 0 {
			return fmt.Errorf("record %s comes after record %s", id, after)
		}
		recs, after = append(recs, r.wire()), id
		return nil
	})
	return recs, int(whole), err
}
