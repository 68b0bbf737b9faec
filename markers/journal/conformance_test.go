package journal

import (
	"path/filepath"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/storetest"
)

func TestMemoryJournalConforms(t *testing.T) {
	storetest.Run(t, storetest.Options{
		Open: func(t *testing.T) markers.Store { return openTest(t, Options{}, openOSFile) },
	})
}

func TestFileJournalConforms(t *testing.T) {
	for name, records := range map[string]int{"one file": 0, "many files": 3} {
		t.Run(name, func(t *testing.T) {
			var dir string
			open := func(t *testing.T) markers.Store {
				return openTest(t, Options{Dir: dir, FileRecords: records}, openOSFile)
			}
			storetest.Run(t, storetest.Options{
				Open: func(t *testing.T) markers.Store {
					dir = filepath.Join(t.TempDir(), "data")
					return open(t)
				},
				Reopen: func(t *testing.T, s markers.Store) markers.Store {
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					return open(t)
				},
			})
		})
	}
}
