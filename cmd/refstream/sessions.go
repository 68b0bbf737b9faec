package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// sessionsFolder is where sessions are unless a flag says otherwise.
const sessionsFolder = "sessions"

// sessionFlags say where sessions are.
type sessionFlags struct {
	folder string
}

// registerOut adds the flag of a command that writes sessions, registerIn that of one that reads them.
func (s *sessionFlags) registerOut(f *pflag.FlagSet) {
	f.StringVarP(&s.folder, "out", "o", sessionsFolder, "folder to make the session's folder in; also --output (in replay -o is --offset)")
}

func (s *sessionFlags) registerIn(f *pflag.FlagSet) {
	f.StringVarP(&s.folder, "folder", "f", sessionsFolder, "folder that the session's folder is in")
}

// dir is the folder of a session: in the folder of sessions, or where a path leads.
func (s *sessionFlags) dir(session string) (string, error) {
	switch {
	case session == "" || session == "." || session == "..":
		return "", errors.New("give the session a name")
	case strings.ContainsRune(session, 0):
		return "", fmt.Errorf("session %q: a name can't hold a zero byte", session)
	case strings.ContainsRune(session, filepath.Separator):
		return filepath.Clean(session), nil
	}
	return filepath.Join(s.folder, session), nil
}

// oneSession wants the name of a session as the only argument.
func oneSession(command string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s: give the name of one session, as record says it: refstream %s monday", command, command)
		}
		return nil
	}
}

// sessionName is the form of the name of a session that has none: when it was begun.
const sessionName = "20060102_150405"
