package dvr

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/dvr/scenes"
	"github.com/refstream/refstream/dvr/splice"
)

// Options are those of Run. Dir, Listen and Now must be set.
type Options struct {
	// Listen is where senders connect: tcp://host:port. Port 0 is any free one; see Ready.
	Listen string
	// Dir is the folder that holds the sessions. It is made where it is missing.
	Dir string
	// Session is the name of the session's folder in Dir, an existing one to resume it. Empty for a new one, named by the time:
	// YYYYMMDD_HHMMSS.
	Session string
	// Scene, MinScene, MaxInterval and FFmpeg are those of [scenes.Options], with the same defaults.
	Scene                 float64
	MinScene, MaxInterval time.Duration
	FFmpeg                string
	// Now is the wall clock.
	Now func() time.Time
	// Logger gets connections, problems of the stream, and the standard error of every process; may be nil.
	Logger *slog.Logger
	// Ready is called once, when senders may connect; may be nil.
	Ready func(Session)
	// Progress is called about 4 times a second, and once at the end, one call at a time; may be nil.
	Progress func(Progress)
}

// Session describes the recorded session.
type Session struct {
	Name    string // that of the session's folder
	Folder  string // the path of the session's folder
	Address string // where senders connect: tcp://host:port
	Resumed int64  // how many bytes the recording had already
}

// Progress is how far a recording is.
type Progress struct {
	splice.Progress
	Scanned int64 // how many of the Bytes were checked for frames
	Frames  int   // how many frames are in the index
}

func (o Options) withDefaults() (Options, error) {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return o, o.check()
}

func (o Options) check() error {
	switch {
	case o.Now == nil:
		return errors.New("Now is not set: give a clock such as time.Now")
	case o.Dir == "":
		return errors.New("Dir is not set: name the folder that is to hold the sessions")
	}
	if _, err := o.scenes().WithDefaults(); err != nil {
		return err
	}
	if o.Session != "" && !validName(o.Session) {
		return fmt.Errorf("%q is no name for a session: use letters, digits and . _ -, at most %d, a letter or digit first", o.Session, maxName)
	}
	_, err := parseListen(o.Listen)
	return err
}

func (o Options) scenes() scenes.Options {
	return scenes.Options{Scene: o.Scene, MinScene: o.MinScene, MaxInterval: o.MaxInterval, FFmpeg: o.FFmpeg, Logger: o.Logger}
}

// splice are the options of the receiver of a recording that f looks at.
func (o Options) splice(f follower) splice.Options {
	receive := splice.Options{Now: o.Now, Logger: o.Logger, Grown: f.Grown}
	if o.Progress != nil {
		receive.Progress = func(p splice.Progress) {
			scanned, frames := f.Scanned()
			o.Progress(Progress{p, scanned, frames})
		}
	}
	return receive
}

// parseListen is the host:port of a listening address.
func parseListen(address string) (string, error) {
	const hint = "give tcp://host:port, such as tcp://127.0.0.1:4444"
	rest, ok := strings.CutPrefix(address, "tcp://")
	if !ok {
		return "", fmt.Errorf("%q is no address to listen at: %s", address, hint)
	}
	_, port, err := net.SplitHostPort(rest)
	if err != nil || strings.ContainsAny(rest, "/?#@") {
		return "", fmt.Errorf("%q is not a host and a port alone: %s", address, hint)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("the port of %q is no number from 0 to 65535: %s", address, hint)
	}
	return rest, nil
}

const maxName = 100 // longer than any name that people would give, and short enough for every file system

// validName reports whether a session may have a name: it names a folder, and is shown in a terminal.
func validName(name string) bool {
	return len(name) <= maxName && regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`).MatchString(name)
}
