package outputs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxNames bounds the search for a file name that is not taken.
const maxNames = 10000

// prepare makes the folder or the file that is written to, and says what ffmpeg's output is this time. made is the file, empty,
// so that nobody else takes its name, or empty.
func (s RelaySpec) prepare() (output, made string, err error) {
	if s.dir != "" {
		if err := os.MkdirAll(s.dir, 0o755); err != nil {
			return "", "", fmt.Errorf("make folder of relay: %w", err)
		}
		if s.muxer == "dash" {
			removeLeftovers(s.dir)
		}
	}
	if s.file == "" {
		return s.output, "", nil
	}
	for n := range maxNames {
		name := s.file
		if n > 0 {
			ext := filepath.Ext(name)
			name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), n+1, ext)
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) // less the umask, as ffmpeg does
		if err == nil {
			return "file:" + name, name, f.Close()
		}
		if !errors.Is(err, os.ErrExist) {
			return "", "", fmt.Errorf("make file of relay: %w", err)
		}
		if info, err := os.Stat(name); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
			return "file:" + name, "", nil // somebody reads it
		}
	}
	return "", "", fmt.Errorf("find name for file of relay: %s and %d names like it are taken: move some away", s.Name, maxNames)
}

// removeEmpty removes a file that prepare has made if nothing was written into it, as on a full disk: the next attempt has
// its name. What it can't remove stays.
func removeEmpty(name string) {
	if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		_ = os.Remove(name)
	}
}
