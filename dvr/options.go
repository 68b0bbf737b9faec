package dvr

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/dvr/scenes"
	"github.com/refstream/refstream/dvr/splice"
)

// Options say what is recorded, and where to. Dir, Now, and Listen or Listener must be set.
type Options struct {
	// Listen is where senders connect: tcp://host:port. Port 0 stands for any that is free; see Ready.
	Listen string
	// Listener takes connections in place of Listen. Run closes it, also when it returns an error.
	Listener net.Listener
	// Dir is the folder that holds the sessions. It is made where it is missing.
	Dir string
	// Session is the name of the session's folder in Dir. The session goes on if it is there already. Empty means a new
	// one, named by the time that Now says: YYYYMMDD_HHMMSS.
	Session string
	// Scene, MinScene, MaxInterval and FFmpeg are those of [scenes.Options], with the same defaults.
	Scene                 float64
	MinScene, MaxInterval time.Duration
	FFmpeg                string
	// Now is the wall clock.
	Now func() time.Time
	// Logger is told of connections and of whatever is wrong with the stream, and gets the standard error of every
	// process; nil for nobody.
	Logger *slog.Logger
	// Ready is called once, when senders may connect; nil for nobody.
	Ready func(Session)
	// Progress is called about 4 times a second, and once at the end; nil for nobody. The calls don't overlap.
	Progress func(Progress)
}

// Session says what is recorded to.
type Session struct {
	// Name is that of the session's folder.
	Name string
	// Folder is the path of the session's folder.
	Folder string
	// Address is where senders connect: tcp://host:port.
	Address string
	// Resumed is how many bytes the recording had already.
	Resumed int64
}

// Progress says how far a recording is.
type Progress struct {
	splice.Progress
	// Scanned is how many of the Bytes were looked at for frames.
	Scanned int64
	// Frames is how many frames are in the index.
	Frames int
}

// withDefaults fills in what is not set, and checks the rest.
func (o Options) withDefaults() (Options, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
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
	if o.Listener != nil {
		if o.Listen != "" {
			return errors.New("Listen and Listener are both set: set one")
		}
		return nil
	}
	_, err := parseListen(o.Listen)
	return err
}

// scenes are the options of the scanner.
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

// maxName is longer than any name that people would give, and short enough for every file system.
const maxName = 100

// validName reports whether a session may be called so: its name is that of a folder, and is shown in a terminal.
func validName(name string) bool {
	if len(name) > maxName {
		return false
	}
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("._-", rune(c))) {
			return false
		}
	}
	return true
}
