package live

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxNames bounds the search for a file name that is not taken.
const maxNames = 10000

// writesOver says whether a file is one that the muxer goes on with or replaces by its nature: a playlist or manifest.
func (c carrier) writesOver(output string) bool {
	ext := strings.ToLower(path.Ext(output))
	return c.muxer == "hls" && ext == ".m3u8" || c.muxer == "dash" && ext == ".mpd"
}

// manyFiles says whether the muxer writes files of other names than the output's, and over those that exist.
func (c carrier) manyFiles() bool {
	switch c.muxer {
	case "segment", "stream_segment", "ssegment", "stream_segment,ssegment", "image2", "hds", "smoothstreaming", "webm_chunk":
		return true
	}
	return false
}

// prepare makes the folder that is written to, and says what the output is called this time: a file that exists is not
// written over. made says that the file was made, empty, so that nobody else takes its name.
func (s RelaySpec) prepare() (output string, made bool, err error) {
	if s.dir != "" {
		if err := os.MkdirAll(s.dir, 0o755); err != nil {
			return "", false, fmt.Errorf("make folder of relay: %w", err)
		}
		if s.numbered {
			removeLeftovers(s.dir)
		}
	}
	if !s.fresh {
		return s.output, false, nil
	}
	for n := range maxNames {
		name := s.output
		if n > 0 {
			name = numberedName(s.output, n+1)
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) // less the umask, as ffmpeg does
		if err == nil {
			return name, true, f.Close()
		}
		if !errors.Is(err, os.ErrExist) {
			return "", false, fmt.Errorf("make file of relay: %w", err)
		}
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
			return name, false, nil // a device or a pipe
		}
	}
	return "", false, fmt.Errorf("find name for file of relay: %s and %d names like it are taken: move some away", s.Name, maxNames)
}

// removeEmpty removes a file that prepare has made if nothing was written into it, as on a full disk: the next attempt has
// its name. What it can't remove stays.
func removeEmpty(name string) {
	if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		_ = os.Remove(name)
	}
}

// numberedName puts a number before a file's extension: out-2.ts.
func numberedName(name string, n int) string {
	ext := filepath.Ext(name)
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), n, ext)
}
