// Package journal is the embedded store: everything in memory, and the same in append-only files of JSON Lines in the data directory, which
// are read back when it is opened.
//
// A record is in its file before it can be read from the store. So a process that ends at any moment loses no record
// that anybody saw; a machine that loses power may lose what the system had not brought to the disk since the last
// Flush. A line that was half written is cut off at the next start. Files that somebody removes meanwhile are written again.
package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/refstream/refstream/markers"
)

// defaultFileRecords makes a file of frames of about 1 MB, or two minutes: short enough that a trim leaves little
// behind, and that a year of frames is not a million files.
const defaultFileRecords = 4096

// Options are the options of Open.
type Options struct {
	// Dir is the data directory, which is made where it is missing: channel C has DIR/C/channel.json, DIR/C/lock,
	// DIR/C/journal/ and what Reached keeps. Empty means memory only.
	Dir string
	// Channels are the channels to open, those that Dir holds when it is nil. Further ones are opened when they are
	// first written to.
	Channels []string
	// Reset removes what the channels that are opened hold, once their locks are taken.
	Reset bool
	// FileRecords is the number of records in a file of the journal, 4096 when it is 0.
	FileRecords int
	// Logger gets repairs; nil for none.
	Logger *slog.Logger
}

// Journal is a markers.Store. Memory and disk hold what was not trimmed: both stay flat as long as Trim is called now and then. What Trim left of a
// file is removed when the whole file can go.
type Journal struct {
	markers.Reader
	options Options
	open    openFunc
	done    chan struct{} // closed by Close

	mu       sync.RWMutex
	channels map[string]*journalChannel
	opened   chan struct{} // closed and replaced when a channel or a log is added
	closed   bool
}

var _ markers.Store = (*Journal)(nil)

// Open opens the journal in a data directory and reads it. It fails when another process has one of the channels
// open, and when a file holds a line that can't be read; the error has a hint.
func Open(o Options) (*Journal, error) { return openWith(o, openOSFile) }

func openWith(o Options, open openFunc) (*Journal, error) {
	o.Logger, o.FileRecords = cmp.Or(o.Logger, slog.New(slog.DiscardHandler)), cmp.Or(o.FileRecords, defaultFileRecords)
	j := &Journal{
		options: o, open: open, done: make(chan struct{}),
		channels: map[string]*journalChannel{}, opened: make(chan struct{}),
	}
	j.Reader = j.read
	names, err := j.onDisk()
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	for _, name := range names {
		if _, err := j.writable(name); err != nil {
			return nil, errors.Join(err, j.Close())
		}
	}
	return j, nil
}

// onDisk lists the channels to open at first.
func (j *Journal) onDisk() ([]string, error) {
	if j.options.Dir == "" {
		return j.options.Channels, nil
	}
	if err := os.MkdirAll(j.options.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	if j.options.Channels != nil {
		return j.options.Channels, nil
	}
	entries, err := os.ReadDir(j.options.Dir)
	if err != nil {
		return nil, fmt.Errorf("list data directory: %w", err)
	}
	var names []string
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(j.options.Dir, e.Name(), journalDir))
		if err == nil && info.IsDir() && markers.CheckChannelName(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// writable is the channel of that name, which is opened when it was not yet, with the logs of the given kinds.
func (j *Journal) writable(name string, kinds ...markers.Kind) (*journalChannel, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, errClosed
	}
	c := j.channels[name]
	changed := c == nil
	if c == nil {
		if err := markers.CheckChannelName(name); err != nil {
			return nil, err
		}
		c = newJournalChannel(name, j.open, j.options)
		if err := c.read(); err != nil {
			return nil, fmt.Errorf("open journal of channel %s: %w", name, err)
		}
		j.channels[name] = c
	}
	for _, k := range kinds {
		if c.log(k) == nil {
			c.begin(k)
			changed = true
		}
	}
	if changed {
		close(j.opened)
		j.opened = make(chan struct{})
	}
	return c, nil
}

// Add opens a channel, as Open does with those of its options.
func (j *Journal) Add(name string) error {
	_, err := j.writable(name)
	return err
}

// readable is the channel of that name, nil when there is none, and what is closed when there is one more or one more log.
func (j *Journal) readable(name string) (*journalChannel, <-chan struct{}) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.channels[name], j.opened
}

// all lists the channels by name.
func (j *Journal) all() []*journalChannel {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return slices.SortedFunc(maps.Values(j.channels), func(a, b *journalChannel) int { return strings.Compare(a.name, b.name) })
}

// each calls a function with every channel. The error wraps ErrJournal.
func (j *Journal) each(do func(*journalChannel) error) error {
	var errs []error
	for _, c := range j.all() {
		errs = append(errs, journalError(c.name, do(c)))
	}
	return errors.Join(errs...)
}

// PutChannel writes the description of a channel. Where the disk fails the error wraps ErrJournal, and the description
// can be read and is written later, as with Append.
func (j *Journal) PutChannel(_ context.Context, c markers.Channel) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("put channel: %w", err)
	}
	ch, err := j.writable(c.Name)
	if err != nil {
		return fmt.Errorf("put channel: %w", err)
	}
	return journalError(c.Name, ch.describe(c))
}

// Channel reads the description of a channel.
func (j *Journal) Channel(_ context.Context, name string) (markers.Channel, error) {
	if c, _ := j.readable(name); c != nil {
		if ch, ok := c.description(); ok {
			return ch, nil
		}
	}
	return markers.Channel{}, fmt.Errorf("channel %q %w", name, markers.ErrNotFound)
}

// Channels lists the channels that were put.
func (j *Journal) Channels(context.Context) ([]markers.Channel, error) {
	var out []markers.Channel
	for _, c := range j.all() {
		if ch, ok := c.description(); ok {
			out = append(out, ch)
		}
	}
	return out, nil
}

// Append adds records. It looks at no context: what is true is written down also while a program stops. An error that
// wraps ErrJournal means that the records are there and can be read, but are not on disk yet.
func (j *Journal) Append(_ context.Context, channel string, b markers.Batch) error {
	if err := b.Validate(); err != nil {
		return fmt.Errorf("append to channel %s: %w", channel, err)
	}
	c, err := j.writable(channel, b.Kinds()...)
	if err != nil {
		return fmt.Errorf("append records: %w", err)
	}
	late, err := c.append(b)
	if late != nil {
		late = fmt.Errorf("append to channel %s: %w", channel, late)
	}
	return errors.Join(journalError(channel, err), late)
}

func (j *Journal) read(_ context.Context, channel string, k markers.Kind, r markers.Range) ([]markers.Record, error) {
	l, err := j.log(channel, k)
	if l == nil {
		return nil, err
	}
	return l.read(r), nil
}

// Kinds lists the logs of a channel.
func (j *Journal) Kinds(_ context.Context, channel string) ([]markers.Kind, error) {
	c, _ := j.readable(channel)
	out := markers.Kinds()
	first := len(out)
	for _, l := range c.all() {
		if l.kind != l.kind.Base() {
			out = append(out, l.kind)
		}
	}
	slices.Sort(out[first:])
	return out, nil
}

// log is a log of a channel, nil where there is none.
func (j *Journal) log(channel string, k markers.Kind) (*kindLog, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	c, _ := j.readable(channel)
	return c.log(k), nil
}

// Count is the number of records that a range without its limit selects. It takes the time of a few comparisons.
func (j *Journal) Count(_ context.Context, channel string, k markers.Kind, r markers.Range) (int64, error) {
	l, err := j.log(channel, k)
	if l == nil {
		return 0, err
	}
	return l.count(r), nil
}

// Last is the ID of the newest record of a log.
func (j *Journal) Last(_ context.Context, channel string, k markers.Kind) (markers.ID, error) {
	l, err := j.log(channel, k)
	if l == nil {
		return markers.ID{}, err
	}
	return l.last(), nil
}

// Wait waits for a record after the given ID.
func (j *Journal) Wait(ctx context.Context, channel string, k markers.Kind, after markers.ID) error {
	if err := k.Check(); err != nil {
		return err
	}
	for {
		c, opened := j.readable(channel)
		if l := c.log(k); l != nil {
			return l.wait(ctx, j.done, after)
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return ctx.Err()
		case <-j.done:
			return errClosed
		}
	}
}

// Trim removes the records before the given ID from memory, and from disk: whole files at once, the rest of them when
// it can go. An error wraps ErrJournal: memory is trimmed then, and the disk with a later Trim.
func (j *Journal) Trim(_ context.Context, channel string, k markers.Kind, before markers.ID) error {
	l, err := j.log(channel, k)
	if l == nil {
		return err
	}
	return journalError(channel, l.trim(before))
}

// Flush writes what could not be written before and brings everything to the disk. The error wraps ErrJournal.
func (j *Journal) Flush(context.Context) error {
	return j.each((*journalChannel).flush)
}

// Ready reports what is not on disk, and why: that error wraps ErrJournal. For half a minute it also reports that files were removed
// by somebody, and written again.
func (j *Journal) Ready(context.Context) error {
	errs := []error{j.each((*journalChannel).ready)}
	for _, c := range j.all() {
		errs = append(errs, c.tampered())
	}
	return errors.Join(errs...)
}

// LeftOut counts the records that Append left out since the journal was opened, because they came twice or too late.
func (j *Journal) LeftOut() map[markers.Kind]int64 {
	return j.sum(func(l *kindLog) int64 { return l.leftOut.Load() })
}

// Unwritten counts the records that are in memory and could not be written to disk yet.
func (j *Journal) Unwritten() map[markers.Kind]int64 {
	return j.sum(func(l *kindLog) int64 {
		n, _ := l.backlog()
		return n
	})
}

func (j *Journal) sum(of func(*kindLog) int64) map[markers.Kind]int64 {
	out := map[markers.Kind]int64{}
	for _, c := range j.all() {
		for _, l := range c.all() {
			out[l.kind.Base()] += of(l)
		}
	}
	return out
}

// Close writes what is left, ends every Wait, and gives the data directory free. Reading continues to work. The error says
// how many records are lost, because they could not be written.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	close(j.done)
	j.mu.Unlock()
	return j.each((*journalChannel).close)
}

// journalError makes err one that wraps ErrJournal, with a hint.
func journalError(channel string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errClosed) || errors.Is(err, errRefused) {
		return fmt.Errorf("channel %s: %w", channel, err)
	}
	if errors.Is(err, errTampered) {
		return fmt.Errorf("%w: channel %s: %w", markers.ErrJournal, channel, err)
	}
	return fmt.Errorf("%w: channel %s: %w: see that the disk has room and can be written", markers.ErrJournal, channel, err)
}
