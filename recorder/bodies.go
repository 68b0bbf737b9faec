package recorder

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"github.com/refstream/refstream/internal/atomicfile"
	"github.com/refstream/refstream/outputs/hls"
)

const (
	// short is up to what length in bytes contents stand in the database: a file of its own costs more than they do.
	short = 16 << 10
	// shortPlaylist is that of playlists, which people look for in the database.
	shortPlaylist = 1 << 20
	// longestExtension is that of a file name that is taken over, with its dot.
	longestExtension = 6
)

// content is what was stored.
type content struct {
	id  int64 // 0 for nothing
	sum [sha256.Size]byte
}

// store stores what came, unless it is there already. In a transaction that isn't committed a file may stay that no row
// names, which the next that is equal takes over.
func (w *writer) store(e *hls.Exchange) (content, error) {
	if len(e.Body) == 0 {
		return content{}, nil
	}
	c := content{sum: sha256.Sum256(e.Body)}
	var file string
	err := w.find(`SELECT id, COALESCE(file, '') FROM bodies WHERE sha256 = ?`, []any{&c.id, &file}, c.sum[:])
	if err != nil {
		return c, err
	}
	if c.id != 0 {
		return c, w.restore(file, e.Body)
	}
	limit := short
	if e.Resource == hls.ResourcePlaylist {
		limit = shortPlaylist
	}
	if len(e.Body) <= limit {
		c.id, err = w.insert(`INSERT INTO bodies (sha256, bytes, data) VALUES (?, ?, ?)`, c.sum[:], len(e.Body), e.Body)
	} else {
		name := hex.EncodeToString(c.sum[:]) + extension(e.URL)
		if err := w.writeChunk(name, e.Body); err != nil {
			return c, err
		}
		c.id, err = w.insert(`INSERT INTO bodies (sha256, bytes, file) VALUES (?, ?, ?)`, c.sum[:], len(e.Body), name)
	}
	if err == nil {
		w.stored += int64(len(e.Body))
	}
	return c, err
}

// restore writes a chunk once more that was taken away or cut off, since its content is here again.
func (w *writer) restore(file string, data []byte) error {
	if file == "" || file != filepath.Base(file) {
		return nil
	}
	info, err := os.Stat(filepath.Join(w.folder.dir, chunksDir, file))
	if err == nil && info.Size() == int64(len(data)) {
		return nil
	}
	return w.writeChunk(file, data)
}

// writeChunk writes a file, whose name appears when it is whole.
func (w *writer) writeChunk(name string, data []byte) error {
	err := atomicfile.Write(filepath.Join(w.folder.dir, chunksDir, name), partPrefix+"*", atomicfile.Bytes(data))
	if err != nil {
		return fmt.Errorf("write chunk: %w", err)
	}
	return nil
}

// extension is that of an address, for people and players: empty where it has none that is plain.
func extension(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	ext := path.Ext(u.Path)
	if len(ext) > longestExtension {
		return ""
	}
	for i, c := range []byte(ext) {
		if i > 0 && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return ""
		}
	}
	return ext
}
