package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/refstream/refstream/internal/atomicfile"
	"github.com/refstream/refstream/internal/filelock"
	"github.com/refstream/refstream/markers"
)

// Files and folders of a channel in the data directory.
const (
	journalDir  = "journal"
	lockName    = "lock"
	channelName = "channel.json"
)

// journalChannel is one channel of the journal.
type journalChannel struct {
	name     string
	dir      string // empty in memory
	openFile openFunc
	options  Options

	// folder protects lock, nil in memory, and locked, which is of the file that is locked.
	folder sync.Mutex
	lock   *filelock.File
	locked fs.FileInfo

	listing sync.RWMutex // protects logs, which are only added to
	logs    []*kindLog   // of every kind, then of renditions

	mu        sync.Mutex
	described *markers.Channel // nil until it is put
	unsaved   error            // why described is not on disk
}

func newJournalChannel(name string, open openFunc, o Options) *journalChannel {
	c := &journalChannel{name: name, openFile: open, options: o}
	if o.Dir != "" {
		c.dir = filepath.Join(o.Dir, name)
	}
	for _, k := range markers.Kinds() {
		c.begin(k)
	}
	return c
}

// begin adds an empty log.
func (c *journalChannel) begin(k markers.Kind) {
	l := newKindLog(k, c.options.Logger.With("channel", c.name))
	if c.dir != "" {
		l.files, l.regain = newLogFiles(filepath.Join(c.dir, journalDir), k, c.openFile, c.options.FileRecords), c.regain
	}
	c.listing.Lock()
	defer c.listing.Unlock()
	c.logs = append(c.logs, l)
}

// all lists the logs, none of no channel.
func (c *journalChannel) all() []*kindLog {
	if c == nil {
		return nil
	}
	c.listing.RLock()
	defer c.listing.RUnlock()
	return c.logs
}

// log is the log of a kind, nil where there is none.
func (c *journalChannel) log(k markers.Kind) *kindLog {
	for _, l := range c.all() {
		if l.kind == k {
			return l
		}
	}
	return nil
}

// read locks the channel's folder, which is made where it is missing, and reads what it holds.
func (c *journalChannel) read() (err error) {
	if c.dir == "" {
		return nil
	}
	logs := filepath.Join(c.dir, journalDir)
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return fmt.Errorf("make journal folder: %w", err)
	}
	var held *filelock.HeldError
	if err := c.takeLock(); errors.As(err, &held) {
		return fmt.Errorf("data directory is in use by process %s (lock %s): stop it, or use another directory", held.Owner, held.Name)
	} else if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = c.each((*kindLog).close) // nothing was written
			c.lock.Close()
		}
	}()
	files, err := listFiles(logs)
	if err != nil {
		return err
	}
	if c.options.Reset {
		if err := c.reset(logs, files); err != nil {
			return err
		}
		files = nil
	}
	for _, f := range files {
		if c.log(f.kind) == nil {
			c.begin(f.kind)
		}
	}
	if ch, err := ReadChannel(c.options.Dir, c.name); err == nil {
		c.described = &ch
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, l := range c.all() {
		if err = l.load(files); err != nil {
			return err
		}
	}
	return nil
}

// each calls a function with every log.
func (c *journalChannel) each(do func(*kindLog) error) error {
	var errs []error
	for _, l := range c.all() {
		errs = append(errs, do(l))
	}
	return errors.Join(errs...)
}

// takeLock locks the channel's folder.
func (c *journalChannel) takeLock() error {
	name := filepath.Join(c.dir, lockName)
	lock, err := filelock.Lock(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		lock.Close()
		return fmt.Errorf("look at lock: %w", err)
	}
	c.lock, c.locked = lock, info
	return nil
}

// regain makes the channel's folder again where somebody has removed it, and sees that it belongs to this process: once the lock was
// removed too, another process may be at work there.
func (c *journalChannel) regain() error {
	c.folder.Lock()
	defer c.folder.Unlock()
	if err := os.MkdirAll(filepath.Join(c.dir, journalDir), 0o755); err != nil {
		return fmt.Errorf("%w: make journal folder again: %w", errTampered, err)
	}
	if info, err := os.Stat(filepath.Join(c.dir, lockName)); err == nil && os.SameFile(info, c.locked) {
		return nil
	}
	old := c.lock
	err := c.takeLock()
	var held *filelock.HeldError
	switch {
	case errors.As(err, &held):
		return fmt.Errorf("%w: process %s works in its place by now: end one of the two", errTampered, held.Owner)
	case err != nil:
		return fmt.Errorf("%w: %w", errTampered, err)
	}
	return old.Close()
}

// check sees, once a segment, that nothing of the channel was removed.
func (c *journalChannel) check() error {
	if c.dir == "" {
		return nil
	}
	err := c.each((*kindLog).check)
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, gone := os.Stat(filepath.Join(c.dir, channelName)); c.described != nil && errors.Is(gone, fs.ErrNotExist) {
		if gone = c.regain(); gone == nil {
			gone = c.save()
		}
		err = errors.Join(err, gone)
	}
	return err
}

// reset removes the description and the journal's files, and nothing that is not the journal's.
func (c *journalChannel) reset(logs string, files []fileName) error {
	names := []string{filepath.Join(c.dir, channelName), filepath.Join(c.dir, reachedName)}
	for _, f := range files {
		names = append(names, filepath.Join(logs, f.String()))
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("empty journal: %w", err)
		}
	}
	return nil
}

// ReadChannel reads the description of a channel in a data directory, also while another process has the directory open.
// The error wraps fs.ErrNotExist where there is none.
func ReadChannel(dir, name string) (ch markers.Channel, err error) {
	if err := markers.CheckChannelName(name); err != nil {
		return ch, err
	}
	file := filepath.Join(dir, name, channelName)
	data, err := os.ReadFile(file)
	if err != nil {
		return ch, fmt.Errorf("read channel: %w", err)
	}
	if err = json.Unmarshal(data, &ch); err == nil {
		err = ch.Validate()
	}
	if err != nil {
		return markers.Channel{}, fmt.Errorf("read channel %s: %w: put the file back from a copy, or start with an empty data directory",
			file, err)
	}
	return ch, nil
}

// append adds the records of every kind. late wraps ErrLate.
func (c *journalChannel) append(b markers.Batch) (late, err error) {
	if len(b.Records(markers.Segments)) > 0 {
		err = c.check()
	}
	err = errors.Join(err, c.each(func(l *kindLog) error {
		passed, err := l.append(b.Records(l.kind))
		late = errors.Join(late, passed)
		return err
	}), c.log(markers.Detections).keep(markers.MaxDetections), c.saveAgain())
	return late, err
}

func (c *journalChannel) describe(ch markers.Channel) error {
	ch.Epoch = ch.Epoch.Round(0).UTC()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.described = &ch
	return c.save()
}

// saveAgain tries once more what describe could not do.
func (c *journalChannel) saveAgain() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unsaved == nil {
		return nil
	}
	return c.save()
}

func (c *journalChannel) save() error {
	if c.dir == "" {
		return nil
	}
	data, err := json.Marshal(c.described)
	if err == nil {
		err = atomicfile.WriteSynced(filepath.Join(c.dir, channelName), "."+channelName+".tmp", append(data, '\n'))
	}
	if err != nil {
		err = fmt.Errorf("write channel: %w", err)
	}
	c.unsaved = err
	return err
}

func (c *journalChannel) description() (markers.Channel, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.described == nil {
		return markers.Channel{}, false
	}
	return *c.described, true
}

func (c *journalChannel) flush() error {
	return errors.Join(c.saveAgain(), c.each((*kindLog).flush))
}

// ready reports what of the channel is not on disk.
func (c *journalChannel) ready() error {
	c.mu.Lock()
	unsaved := c.unsaved
	c.mu.Unlock()
	return errors.Join(unsaved, c.each(func(l *kindLog) error {
		n, err := l.backlog()
		if err != nil {
			err = fmt.Errorf("%d records wait: %w", n, err)
		}
		return err
	}))
}

// tampered reports what somebody has removed lately, and was mended.
func (c *journalChannel) tampered() error {
	return c.each(func(l *kindLog) error {
		err := l.tampered()
		if err != nil {
			err = fmt.Errorf("journal of channel %s: %w", c.name, err)
		}
		return err
	})
}

func (c *journalChannel) close() error {
	err := errors.Join(c.saveAgain(), c.each((*kindLog).close))
	c.folder.Lock()
	defer c.folder.Unlock()
	if c.lock != nil {
		err = errors.Join(err, c.lock.Close())
	}
	return err
}
