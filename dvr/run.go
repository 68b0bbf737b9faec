// Package dvr records one MPEG-2 transport stream (ITU-T H.222.0 | ISO/IEC 13818-1) received over TCP, and extracts the frames in
// which something changes.
//
// A session is a folder:
//
//	stream/          the recording and its connections, see package splice
//	frames/          the frames and their index, see package scenes
//	dvr.lock         held by the process that records
package dvr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"

	"github.com/refstream/refstream/dvr/scenes"
	"github.com/refstream/refstream/dvr/splice"
)

// finishTime is what is left at the end to look at the recording, so that a stop takes less than 5 s.
const finishTime = 3 * time.Second

// follower looks at a recording as it grows: a [scenes.Scanner], or less in tests.
type follower interface {
	Run(ctx context.Context) error
	Grown()
	Finish()
	Scanned() (bytes int64, frames int)
}

// Run records senders, one at a time, until ctx ends, which is no error, or recording is impossible: the disk is full, the session
// belongs to another process, the listener fails. Nothing that it started is left then, and the recording has whole packets. A
// stop takes less than 5 s; frames not found by then are found when the session is resumed. If looking for frames fails, the
// recording continues, and the error is returned at the end.
func Run(ctx context.Context, o Options) error {
	follow := func(o Options, folder string) (follower, error) { return scenes.New(o.scenes(), folder) }
	if err := run(ctx, o, follow); err != nil {
		return fmt.Errorf("record stream: %w", err)
	}
	return nil
}

func run(ctx context.Context, o Options, follow func(o Options, folder string) (follower, error)) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	l, err := o.listen(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	s, err := openSession(o)
	if err != nil {
		return err
	}
	f, err := follow(o, s.folder)
	if err != nil {
		s.discard()
		return err
	}
	r, err := splice.NewReceiver(o.splice(f), s.files)
	if err != nil {
		s.discard()
		return err
	}
	if o.Ready != nil {
		o.Ready(Session{Name: s.name, Folder: s.folder, Address: "tcp://" + l.Addr().String(), Resumed: s.files.Resumed()})
	}
	scanned := watch(ctx, f, o.Logger)
	err = r.Run(ctx, l)
	err = errors.Join(err, scanned())
	r.Report()
	return errors.Join(err, s.close())
}

func (o Options) listen(ctx context.Context) (net.Listener, error) {
	address, err := parseListen(o.Listen)
	if err != nil {
		return nil, err
	}
	// A sender that vanished is detected after 25 s, if no other connects before.
	config := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen at tcp://%s: %w: %s", address, err, listenHint(err))
	}
	return l, nil
}

// listenHint is what to do where an address can't be listened at.
func listenHint(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "end what uses the port, or give another one"
	case errors.Is(err, syscall.EACCES):
		return "give a port from 1024 on, or the right to use this one"
	}
	return "give an address of this machine, such as tcp://127.0.0.1:4444, or tcp://:4444 for all of them"
}

// watch starts the follower. The returned function ends it within finishTime and returns its error.
func watch(ctx context.Context, f follower, log *slog.Logger) func() error {
	following, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it has more time than the connections
	failed := make(chan error, 1)
	go func() {
		err := f.Run(following)
		if err != nil && following.Err() == nil {
			log.Error("no more frames are looked for: the recording continues", "error", err)
		}
		failed <- err
	}()
	return func() error {
		defer cancel()
		f.Finish()
		var err error
		select {
		case err = <-failed:
		case <-time.After(finishTime):
			cancel()
			if err = <-failed; errors.Is(err, context.Canceled) {
				log.Info("the end of the recording is not looked at for frames: that is done when the session is resumed")
			}
		}
		if err == nil || errors.Is(err, context.Canceled) {
			return nil
		}
		return fmt.Errorf("look for frames: %w: the recording is whole", err)
	}
}
