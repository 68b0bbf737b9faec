package server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
)

// newGenerator draws the id of a data directory: 64 random bits, so that no two in the world are the same.
func newGenerator() (string, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("draw the id of the generator: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// generatorOf is the id of the generator whose segments a data directory holds, empty where it has none, or can't be read:
// then nobody knows.
func generatorOf(data, channel string, logger *slog.Logger) string {
	c, err := journal.ReadChannel(data, channel)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		logger.Warn("it can't be told whose segments the data directory has", "channel", channel, "error", err)
	}
	return c.Generator
}

// differs is an error when c can't go on where the stored channel left off. place names where that is stored.
func differs(c, old markers.Channel, place string) error {
	var was, flags []string
	stored := old.Identity()
	for i, is := range c.Identity() {
		if other := stored[i]; is != other {
			was = append(was, fmt.Sprintf("%s %s, not %s", is.Name, other.Value, is.Value))
			flags = append(flags, fmt.Sprintf("--%s=%s", is.Name, other.Value))
		}
	}
	if was == nil {
		return nil
	}
	return fmt.Errorf("%s holds channel %s with %s: go on with %s, take another --data or --channel, or empty it with --reset",
		place, c.Name, strings.Join(was, ", "), strings.Join(flags, " "))
}
