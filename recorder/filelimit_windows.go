package recorder

import "math"

// fileLimit is how many bytes a file of this process may have: Windows sets no limit.
func fileLimit() uint64 { return math.MaxUint64 }
