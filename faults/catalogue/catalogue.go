// Package catalogue holds all kinds of faults, the scenario files that are ready for use, and the JSON Schema of such files.
package catalogue

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/refstream/refstream/faults/packets"
	"github.com/refstream/refstream/faults/pictures"
	"github.com/refstream/refstream/faults/playlists"
	"github.com/refstream/refstream/faults/requests"
	"github.com/refstream/refstream/faults/sounds"
	"github.com/refstream/refstream/faults/units"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// Kinds lists all kinds, in the order of the layers.
func Kinds() []*scenario.Kind {
	return slices.Concat(pictures.Kinds(), units.Kinds(), sounds.Kinds(), packets.Kinds(), playlists.Kinds(), requests.Kinds())
}

// CheckKinds refuses names that no kind has, of the catalogue or of records of faults, which another version may have written.
func CheckKinds(names []string, records []markers.FaultRecord) error {
	for _, name := range names {
		if slices.ContainsFunc(Kinds(), func(k *scenario.Kind) bool { return k.Name == name }) ||
			slices.ContainsFunc(records, func(r markers.FaultRecord) bool { return r.Kind == name }) {
			continue
		}
		var there []string
		for _, r := range records {
			there = append(there, r.Kind)
		}
		slices.Sort(there)
		if there = slices.Compact(there); len(there) > 0 {
			return fmt.Errorf("there is no kind of fault %.40q: %sthese faults are %s; refstream scenario kinds lists all", name,
				scenario.DidYouMean(name, Kinds()), strings.Join(there, ", "))
		}
		return fmt.Errorf("there is no kind of fault %.40q: %srefstream scenario kinds lists them", name, scenario.DidYouMean(name, Kinds()))
	}
	return nil
}

//go:embed ready
var ready embed.FS

const suffix = ".yaml"

// Ready lists the names of the scenarios that are ready.
func Ready() (names []string) {
	list, err := fs.ReadDir(ready, "ready")
	if err != nil {
		panic(err) // it is in the program
	}
	for _, f := range list {
		names = append(names, strings.TrimSuffix(f.Name(), suffix))
	}
	return names
}

// Load reads a scenario file, or the ready one of that name. An error is one line with the cure.
func Load(name string) (*scenario.File, error) {
	if slices.Contains(Ready(), name) {
		text, err := ready.ReadFile("ready/" + name + suffix)
		if err != nil {
			return nil, err
		}
		return scenario.Parse(name, text, Kinds())
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a named pipe may have nobody who writes
	if err != nil {
		return nil, fmt.Errorf("%w: name a file, or one of the ready ones: %s", err, strings.Join(Ready(), ", "))
	}
	defer f.Close() // it is read only
	text, err := io.ReadAll(io.LimitReader(f, scenario.MaxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("%w: name a file", err)
	}
	return scenario.Parse(name, text, Kinds())
}
