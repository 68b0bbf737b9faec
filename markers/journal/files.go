package journal

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/refstream/refstream/internal/atomicfile"
	"github.com/refstream/refstream/markers"
)

// journalFile is what the journal needs of an open file; tests put one in that fails.
type journalFile interface {
	io.WriteCloser
	Truncate(size int64) error
	Sync() error
}

type openFunc func(name string, flag int, perm os.FileMode) (journalFile, error)

func openOSFile(name string, flag int, perm os.FileMode) (journalFile, error) {
	return os.OpenFile(name, flag, perm)
}

// logFiles is the part of one log that is on disk: files of JSON Lines in one folder, named KIND-FRAME-SUB.jsonl. KIND may end with a
// rendition's name. The rest says from which ID on the records in the file count; those before it were trimmed. So a trim is a removal of
// whole files and one rename, and needs no room on a full disk.
type logFiles struct {
	dir   string
	kind  markers.Kind
	open  openFunc
	limit int    // records in a file, after which a new one begins
	parts []part // in the order of their IDs; the last one is written to

	// The last file: its size and number of lines up to the last whole one.
	file  journalFile // nil when it is not open
	size  int64
	lines int
	torn  bool // something may be after size that has to be cut off before the next write

	// Room on the disk that the log keeps ahead of itself: how much, and up to which offset of the last file there is some.
	reserve, reserved int64
}

// part is one file of a log.
type part struct {
	start markers.ID // the ID in its name
	// info is of the file that was read or written here: another one under the same name is somebody else's.
	info fs.FileInfo
}

func newLogFiles(dir string, k markers.Kind, open openFunc, limit int) *logFiles {
	f := &logFiles{dir: dir, kind: k, open: open, limit: limit}
	if k == markers.Missing { // the others grow with every frame: what little could be kept for them would be gone in no time
		f.reserve = missingReserve
	}
	return f
}

func (f *logFiles) path(start markers.ID) string {
	return filepath.Join(f.dir, fileName{f.kind, start}.String())
}

// fileName is the name of a file of a log.
type fileName struct {
	kind  markers.Kind
	start markers.ID
}

func (n fileName) String() string {
	return fmt.Sprintf("%s-%019d-%d.jsonl", n.kind, n.start.Frame, n.start.Sub)
}

// listFiles lists the files of all logs in a folder.
func listFiles(dir string) (out []fileName, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list journal: %w", err)
	}
	for _, e := range entries {
		// The name of a rendition may hold numbers with dashes before them, too.
		last := strings.LastIndexByte(e.Name(), '-')
		kind := e.Name()[:max(0, strings.LastIndexByte(e.Name()[:max(0, last)], '-'))]
		n := fileName{kind: markers.Kind(kind)}
		_, err := fmt.Sscanf(e.Name()[len(kind):], "-%d-%d", &n.start.Frame, &n.start.Sub)
		if err == nil && n.kind.Check() == nil && n.String() == e.Name() { // it is one of ours
			out = append(out, n)
		}
	}
	return out, nil
}

// list takes the log's files from those of all logs.
func (f *logFiles) list(all []fileName) error {
	for _, n := range all {
		if n.kind != f.kind {
			continue
		}
		info, err := os.Stat(f.path(n.start))
		if err != nil {
			return fmt.Errorf("list journal: %w", err)
		}
		f.parts = append(f.parts, part{n.start, info})
	}
	slices.SortFunc(f.parts, func(a, b part) int { return a.start.Compare(b.start) })
	return nil
}

// write appends n lines, the first of which is the record with the given ID, in one write. After an error none of them
// is in the file, or what is of them is cut off before the next write.
func (f *logFiles) write(first markers.ID, lines []byte, n int) error {
	if err := f.prepare(first); err != nil {
		return err
	}
	if f.torn {
		if err := f.file.Truncate(f.size); err != nil {
			return fmt.Errorf("cut off a half written line: %w", err)
		}
		f.torn = false
	}
	if written, err := f.file.Write(lines); err != nil || written < len(lines) {
		f.torn = f.file.Truncate(f.size) != nil
		if err == nil {
			err = io.ErrShortWrite
		}
		return fmt.Errorf("write records: %w", err)
	}
	f.size += int64(len(lines))
	f.lines += n
	f.extend()
	return nil
}

// prepare opens the file that the record with the given ID belongs to.
func (f *logFiles) prepare(first markers.ID) error {
	current := len(f.parts) - 1
	// A name that is taken already can't begin a new file; the current one then grows beyond its limit.
	if current >= 0 && (f.lines < f.limit || f.torn || first.Compare(f.parts[current].start) <= 0) {
		if f.file != nil {
			return nil
		}
		file, err := f.open(f.path(f.parts[current].start), os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			return fmt.Errorf("open journal: %w", err)
		}
		f.file = file
		f.extend()
		return nil
	}
	// The file before is on disk before the next one begins, so only the last file of a log can end in a torn line.
	if err := f.close(); err != nil {
		return err
	}
	file, err := f.open(f.path(first), os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("begin journal file: %w", err)
	}
	f.file, f.size, f.lines, f.reserved = file, 0, 0, 0
	info, err := os.Stat(f.path(first))
	if err != nil {
		return fmt.Errorf("begin journal file: %w", err)
	}
	f.parts = append(f.parts, part{first, info})
	f.extend()
	return atomicfile.SyncFolder(f.dir)
}

// trim removes the files whose records are all before the given ID, but for the last file, and gives the first one that
// is left the name that hides its records before the ID. newest is the ID of the last record on disk.
func (f *logFiles) trim(before, newest markers.ID) error {
	for len(f.parts) > 1 && f.parts[1].start.Compare(before) <= 0 {
		if f.look(0) == nil {
			if err := os.Remove(f.path(f.parts[0].start)); err != nil {
				return fmt.Errorf("trim journal: %w", err)
			}
		}
		f.parts = f.parts[1:]
	}
	// A record that is still to come may be before the ID: it must not be hidden.
	if next := newest.Next(); before.Compare(next) > 0 {
		before = next
	}
	if len(f.parts) == 0 || before.Compare(f.parts[0].start) <= 0 || f.look(0) != nil {
		return nil
	}
	if err := os.Rename(f.path(f.parts[0].start), f.path(before)); err != nil {
		return fmt.Errorf("trim journal: %w", err)
	}
	f.parts[0].start = before
	return nil
}

// sync brings what was written to the disk.
func (f *logFiles) sync() error {
	if f.file == nil {
		return nil
	}
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("sync journal: %w", err)
	}
	return nil
}

// close syncs and closes the file that is open, if any.
func (f *logFiles) close() error {
	if f.file == nil {
		return nil
	}
	err := f.sync()
	if e := f.file.Close(); e != nil && err == nil {
		err = fmt.Errorf("close journal: %w", e)
	}
	f.file = nil
	return err
}

// end closes the last file, and removes it where it was begun and holds nothing.
func (f *logFiles) end() error {
	empty := f.file != nil && f.lines == 0 && f.look(len(f.parts)-1) == nil
	err := f.close()
	if err == nil && empty {
		err = f.dropEmpty()
	}
	return err
}

// missingReserve is how much room on the disk the log of missing frames keeps ahead of itself: that segments can't be
// published because the disk is full is what it has to hold then. It is some ten minutes of segments of 2 s, each lost.
const missingReserve = 64 << 10

// extend takes room, and more when half of it is used. Where there is none now there is none: nothing depends on it but a full disk.
func (f *logFiles) extend() {
	if f.reserve > 0 && f.reserved-f.size < f.reserve/2 {
		f.reserved = max(f.reserved, allocate(f.file, f.size, f.reserve))
	}
}
