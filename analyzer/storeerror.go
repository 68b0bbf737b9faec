package analyzer

import "io"

// StoreError says that what was read could not be stored on this machine: it tells nothing about the stream.
type StoreError struct {
	// Err is the cause, such as a full disk.
	Err error
}

func (e *StoreError) Error() string { return "store stream: " + e.Err.Error() }
func (e *StoreError) Unwrap() error { return e.Err }

// stored marks an error of storing, if it is one.
func stored(err error) error {
	if err == nil {
		return nil
	}
	return &StoreError{err}
}

// storeWriter marks its errors, so that those of storing can be told from those of reading.
type storeWriter struct{ w io.Writer }

// Write writes once.
func (s storeWriter) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	return n, stored(err)
}
