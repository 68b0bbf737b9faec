// Package mirror is a store that writes to and reads from a local store, and keeps a remote store up to date with it. So what is
// true is in the local journal first, and a remote store that is away, slow or hung delays nobody.
//
// Records are copied in the order of their logs, from the remote log's last record on. A remote store that was away gets
// all that it lacks; one that comes back with nothing, or with less than it had, gets again what the local store still
// has: each append goes only to the end that the log was seen to have, so that no hole comes about. A remote log takes
// only what follows its last record: where another generator of the same stream is ahead, its records, which are the
// same, stand. Where a remote log ends beyond the local one for any other reason, nothing can be copied, and Ready reports
// it. Missing records are not the same for two generators: those of both are there. A remote channel whose description
// is of another stream is not touched.
//
// Triggers go both ways, so that a generator sees those that other processes wrote to the remote store. Two processes
// that at once ask for events at different frames may write the later one first; a log then refuses the earlier one.
// The process that wrote it to the remote store finds it missing when it reads it back; one that meets a later trigger
// in the local log is logged and counted in LateTriggers.
//
// Detections are in the remote store only: any process takes them in, so that one place has to give them their order, and
// their senders can send them again where it is away. Append and Detections report that; nothing else waits for it.
package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/markers"
)

const (
	// mirrorBatch is the number of records that are copied in one round trip.
	mirrorBatch = 500
	// mirrorCheck is how often the remote store is looked at while there is nothing to copy: it may have come back empty.
	mirrorCheck = time.Second
	// Backoff while the remote store is away: soon after a hiccup, and seldom enough to bother nobody in an hour's outage.
	firstBackoff, lastBackoff = 100 * time.Millisecond, 2 * time.Second
)

// Options are the options of New.
type Options struct {
	// Logger gets a line when the remote store is lost and found again, and what could not be copied; nil for none.
	Logger *slog.Logger
}

// localStore is the store that a mirror copies from.
type localStore interface {
	markers.Store
	// Count is the number of records that a range without its limit selects.
	Count(ctx context.Context, channel string, k markers.Kind, r markers.Range) (int64, error)
}

// remoteStore is a Store that other processes write to as well, and that may lose what it holds at any moment.
type remoteStore interface {
	markers.Store
	// AppendAfter is Append for records of one kind, to a log of which the caller knows the end (Last), in one step with
	// a look at that end. added is false where the log ends elsewhere by now, because others added to it or because it was
	// emptied; then some of the first records may have been added, none of them behind a hole.
	AppendAfter(ctx context.Context, channel string, k markers.Kind, end markers.ID, b markers.Batch) (added bool, err error)
}

// Mirror is a markers.Store. Run copies what is written to it.
type Mirror struct {
	markers.Reader
	local  localStore
	remote remoteStore
	log    *slog.Logger
	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	late    atomic.Int64
	refused atomic.Int64
	running sync.Mutex     // held by Run
	group   sync.WaitGroup // the copiers

	mu       sync.Mutex
	runs     context.Context // of Run; nil while it does not run
	channels map[string]*channel
	failing  map[any]error // by copier: why it can't reach the remote store
	lost     map[markers.Kind]int64
	progress chan struct{} // closed and replaced when records were copied
}

var _ markers.Store = (*Mirror)(nil)

// New makes a mirror of two open stores, which Close closes.
func New(local localStore, remote remoteStore, o Options) *Mirror {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	m := &Mirror{
		local: local, remote: remote, log: o.Logger, ctx: ctx, cancel: cancel,
		channels: map[string]*channel{}, failing: map[any]error{},
		lost: map[markers.Kind]int64{}, progress: make(chan struct{}),
	}
	m.Reader = m.read
	return m
}

// Run copies until ctx ends, and returns its error; a store that fails is tried again for as long. It runs once at a
// time.
func (m *Mirror) Run(ctx context.Context) error {
	if !m.running.TryLock() {
		return errors.New("run mirror: it is running already")
	}
	defer m.running.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(m.ctx, cancel)()
	known, err := m.local.Channels(ctx)
	if err != nil {
		return fmt.Errorf("run mirror: %w", err)
	}
	for _, c := range known {
		m.channel(c.Name)
	}
	m.mu.Lock()
	m.runs = ctx
	for _, c := range m.channels {
		c.start(ctx)
	}
	m.mu.Unlock()
	<-ctx.Done()
	m.mu.Lock()
	m.runs = nil
	m.mu.Unlock()
	m.group.Wait()
	return ctx.Err()
}

// channel is the mirror's state of a channel, which begins to be copied when it is new.
func (m *Mirror) channel(name string) *channel {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.channels[name]
	if c == nil {
		c = newChannel(m, name)
		m.channels[name] = c
		if m.runs != nil {
			c.start(m.runs)
		}
	}
	return c
}

// channelLog is the mirror's state of a log, which begins to be copied when it is new.
func (m *Mirror) channelLog(channel string, k markers.Kind) *channelLog {
	c := m.channel(channel)
	m.mu.Lock()
	defer m.mu.Unlock()
	l := c.logs[k]
	if l == nil {
		l = &channelLog{channel: c, kind: k}
		c.logs[k] = l
		if m.runs != nil {
			l.start(m.runs)
		}
	}
	return l
}

// all lists the logs that are copied: the remote store alone has the detections.
func (m *Mirror) all() (out []*channelLog) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.channels {
		for _, l := range c.logs {
			if l.kind != markers.Detections {
				out = append(out, l)
			}
		}
	}
	return out
}

// retire forgets a copier that ended.
func (m *Mirror) retire(copier any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.failing, copier)
}

// report notes how a copier fares with the remote store. It logs when the first one fails, when one begins to fail for a
// reason that time does not heal, and when the last one is well.
func (m *Mirror) report(copier any, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.failing)
	if err == nil {
		delete(m.failing, copier)
		if before == 1 && len(m.failing) == 0 {
			m.log.Info("remote store is back")
		}
		return
	}
	away, known := errors.Is(err, markers.ErrUnavailable), false
	for c, have := range m.failing {
		known = known || have.Error() == err.Error() || c == copier && !errors.Is(have, markers.ErrUnavailable)
	}
	m.failing[copier] = err
	if before == 0 || !away && !known {
		m.log.Error("remote store can't be kept up to date, records wait in the journal", "error", err)
	}
}

// lose counts records that were trimmed before they were copied.
func (m *Mirror) lose(channel string, k markers.Kind, n int64) {
	m.mu.Lock()
	m.lost[k.Base()] += n
	m.mu.Unlock()
	m.log.Error("records were trimmed before the remote store had them", "channel", channel, "kind", k, "records", n)
}

// progressed wakes those who wait in Flush.
func (m *Mirror) progressed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.progress)
	m.progress = make(chan struct{})
}

// Pending counts the local records that the remote store does not have yet, as far as is known: all of them as long as
// it was not reached.
func (m *Mirror) Pending() map[markers.Kind]int64 {
	out := map[markers.Kind]int64{}
	for _, l := range m.all() {
		// The local store counts in memory: it has no reason to fail, and none to wait.
		n, _ := m.local.Count(m.ctx, l.channel.name, l.kind, markers.Range{From: l.position().Next()})
		out[l.kind.Base()] += n
	}
	return out
}

// Lost counts the records that were trimmed before they were copied.
func (m *Mirror) Lost() map[markers.Kind]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.lost)
}

// LateTriggers counts the triggers of the remote store that the local one refused, because it has a later one.
func (m *Mirror) LateTriggers() int64 { return m.late.Load() }

// RefusedTriggers counts the triggers of the remote store that no generator takes (Trigger.Check).
func (m *Mirror) RefusedTriggers() int64 { return m.refused.Load() }

// Ahead counts the logs of each kind that can't be copied, because the remote one ends beyond the local one.
func (m *Mirror) Ahead() map[markers.Kind]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[markers.Kind]int64{}
	for copier, err := range m.failing {
		if l, ok := copier.(*channelLog); ok && errors.As(err, new(aheadError)) {
			out[l.kind.Base()]++
		}
	}
	return out
}

// Flush returns when the remote store has all that the local one has, or ctx ends. Run must be running.
func (m *Mirror) Flush(ctx context.Context) error {
	for {
		m.mu.Lock()
		progress := m.progress
		m.mu.Unlock()
		waiting := int64(0)
		for _, n := range m.Pending() {
			waiting += n
		}
		if waiting == 0 {
			return nil
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return fmt.Errorf("copy %d records to the remote store: %w", waiting, ctx.Err())
		}
	}
}

// Ready reports what the local store does, and why the remote store is not kept up to date: that error wraps
// ErrUnavailable when the remote store is away.
func (m *Mirror) Ready(ctx context.Context) error {
	err := m.local.Ready(ctx)
	m.mu.Lock()
	var away error
	for _, e := range m.failing {
		if away == nil || !errors.Is(e, markers.ErrUnavailable) {
			away = e // the reason that time does not heal, where there is one
		}
	}
	m.mu.Unlock()
	if away != nil {
		pending := m.Pending()
		var waiting []string
		for _, k := range markers.Kinds() {
			if n, copied := pending[k]; copied {
				waiting = append(waiting, fmt.Sprintf("%d %s", n, k))
			}
		}
		away = fmt.Errorf("remote store is not up to date (waiting: %s): %w", strings.Join(waiting, ", "), away)
	}
	return errors.Join(err, away)
}

// Close ends Run, waits for it, and closes both stores.
func (m *Mirror) Close() error {
	m.cancel()
	m.running.Lock()
	defer m.running.Unlock()
	return errors.Join(m.local.Close(), m.remote.Close())
}

// wait waits for a record of a store, and for no longer than mirrorCheck.
func (m *Mirror) wait(ctx context.Context, s markers.Store, channel string, k markers.Kind, after markers.ID) error {
	ctx, cancel := context.WithTimeout(ctx, mirrorCheck)
	defer cancel()
	err := s.Wait(ctx, channel, k, after)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
