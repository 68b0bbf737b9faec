package packager

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/refstream/refstream/format/mpd"
	"github.com/refstream/refstream/internal/atomicfile"
	"github.com/refstream/refstream/markers"
)

const (
	segmentPrefix = "seg-"
	initPrefix    = "init-"
	initSuffix    = ".mp4"

	playlistSuffix = ".m3u8"
	// renditionName is what can be a part of a file's name: a size, or that of the sound.
	renditionName = `(\d{1,5}x\d{1,5}|` + markers.SoundRendition + `)`
	// A file is written under a name of this form first, which no playlist names and no web server shows by default.
	temporaryPrefix = "."
	temporarySuffix = ".tmp"
)

// MediaPlaylist and MultivariantPlaylist are the names of the playlists of the container that Options name first, the one of its first
// rendition. Those of another one have its name in theirs, such as index-fmp4.m3u8, and media playlists of other renditions and of
// sound that of the rendition, such as index-640x360.m3u8 and index-audio-fmp4.m3u8.
const (
	MediaPlaylist        = "index.m3u8"
	MultivariantPlaylist = "master.m3u8"
)

// playlistFile is the name of a playlist: name is that of the first container, its first rendition.
func playlistFile(name, rendition string, c Container, first bool) string {
	name = strings.TrimSuffix(name, playlistSuffix)
	if rendition != "" {
		name += "-" + rendition
	}
	if !first {
		name += "-" + string(c)
	}
	return name + playlistSuffix
}

// contentTypes are the media types of published files by their names.
var contentTypes = []struct {
	name  *regexp.Regexp
	media string
}{
	{regexp.MustCompile(`^(master|index(-` + renditionName + `)?)(-ts|-fmp4)?\.m3u8$`), PlaylistType},
	{regexp.MustCompile(`^seg-[\w-]{1,120}\.ts$`), "video/mp2t"},
	{regexp.MustCompile(`^seg-[\w-]{1,120}\.m4s$`), "video/iso.segment"},
	{regexp.MustCompile(`^manifest\.mpd$`), mpd.ContentType},
	{regexp.MustCompile(`^init-[\w-]{1,120}\.mp4$`), "video/mp4"},
}

// PlaylistType is the media type of playlists (RFC 8216, 4).
const PlaylistType = "application/vnd.apple.mpegurl"

// ContentType is the media type of a published file, or empty for a name that none can have.
func ContentType(name string) string {
	for _, t := range contentTypes {
		if t.name.MatchString(name) {
			return t.media
		}
	}
	return ""
}

// IsPlaylist reports whether a published file of that name is replaced when it changes: a playlist or a manifest.
func IsPlaylist(name string) bool {
	t := ContentType(name)
	return t == PlaylistType || t == mpd.ContentType
}

// fileSystem is what publishing needs of the operating system.
type fileSystem interface {
	// WriteFile makes a temporary file, and removes what has its name before.
	WriteFile(path string, data []byte) error
	Rename(from, to string) error
	Remove(path string) error
}

// disk is the operating system's file system. Other users may read the files: a web server may run as one.
type disk struct{}

func (disk) Rename(from, to string) error { return os.Rename(from, to) }
func (disk) Remove(path string) error     { return os.Remove(path) }

// WriteFile makes the directory again where somebody has removed it.
func (disk) WriteFile(path string, data []byte) error {
	f, err := atomicfile.Create(path)
	if errors.Is(err, fs.ErrNotExist) && atomicfile.Folder(filepath.Dir(path)) == nil {
		f, err = atomicfile.Create(path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// directory publishes whole files: a name has no content or all of it.
type directory struct {
	path string
	fs   fileSystem
}

// publish writes a file under a temporary name and renames it. After an error the old file, if any, is as it was.
func (d directory) publish(name string, data []byte) error {
	tmp := filepath.Join(d.path, temporaryPrefix+name+temporarySuffix)
	err := d.fs.WriteFile(tmp, data)
	if err == nil {
		err = d.fs.Rename(tmp, filepath.Join(d.path, name))
	}
	if err != nil {
		// Its room may be what the next segment needs. Where there is none, there is nothing to remove.
		_ = d.fs.Remove(tmp)
		return fmt.Errorf("write file: %w", err)
	}
	return nil
}

// has reports whether a file is there: somebody may have removed it.
func (d directory) has(name string) bool {
	_, err := os.Lstat(filepath.Join(d.path, name))
	return err == nil
}

// remove removes a file that may be gone already.
func (d directory) remove(name string) error {
	if err := d.fs.Remove(filepath.Join(d.path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove file: %w", err)
	}
	return nil
}

// Reset removes the playlists and segments in a directory of published files, and nothing else.
func Reset(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list directory: %w", err)
	}
	for _, f := range list {
		if !published(f.Name()) && !isTemporary(f.Name()) && !IsPlaylist(f.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
			return fmt.Errorf("remove published file: %w", err)
		}
	}
	return nil
}

// scan makes the directory where there is none, removes the temporary files of runs that were killed, and returns the
// sizes of the segments and initialization sections in it by name, and the playlists.
func (d directory) scan() (sizes map[string]int64, playlists []string, err error) {
	if err := atomicfile.Folder(d.path); err != nil {
		return nil, nil, fmt.Errorf("make directory: %w", err)
	}
	list, err := os.ReadDir(d.path)
	if err != nil {
		return nil, nil, fmt.Errorf("list directory: %w", err)
	}
	sizes = make(map[string]int64)
	for _, f := range list {
		if isTemporary(f.Name()) {
			if err := d.remove(f.Name()); err != nil {
				return nil, nil, err
			}
			continue
		}
		if IsPlaylist(f.Name()) {
			playlists = append(playlists, f.Name())
		}
		if !published(f.Name()) {
			continue
		}
		info, err := f.Info()
		if err != nil {
			return nil, nil, fmt.Errorf("read size of segment: %w", err)
		}
		sizes[f.Name()] = info.Size()
	}
	return sizes, playlists, nil
}

// published reports whether a name is that of a segment or initialization section.
func published(name string) bool {
	_, segment := SegmentNumber(name)
	hash, ok := strings.CutPrefix(strings.TrimSuffix(name, initSuffix), initPrefix)
	_, err := strconv.ParseUint(hash, 16, 32)
	return segment || ok && err == nil && len(name) == len(initPrefix)+8+len(initSuffix)
}

// SegmentNumber is the media sequence number of the segment in a file of that name, of any rendition; ok where it is one.
func SegmentNumber(name string) (msn int64, ok bool) {
	parts := segmentName.FindStringSubmatch(name)
	if parts == nil {
		return 0, false
	}
	msn, err := strconv.ParseInt(parts[segmentName.SubexpIndex("msn")], 10, 64)
	return msn, err == nil
}

// segmentName is the names that RenditionFile makes.
var segmentName = regexp.MustCompile(`^` + segmentPrefix + `(` + renditionName + `-)?(?P<msn>\d{10}|[1-9]\d{10,18})\.(ts|m4s)$`)

func isTemporary(name string) bool {
	name, hidden := strings.CutPrefix(name, temporaryPrefix)
	name, ok := strings.CutSuffix(name, temporarySuffix)
	return hidden && ok && (published(name) || IsPlaylist(name))
}
