-- A recorded HLS session. The columns of each table and view are described here; nothing else is needed to read one with sqlite3.
-- Offsets (…_at) are nanoseconds since the start of their run, taken from a clock that never steps; the UTC of an
-- offset is runs.started_utc + offset. Durations are nanoseconds, PTS are 90 kHz ticks.

-- What was recorded: 'url' (as given), 'version' (of refstream), 'created' (RFC 3339, UTC).
CREATE TABLE session (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID, STRICT;

-- Each time that recording went on: once, and once more for each resumption.
CREATE TABLE runs (
  id          INTEGER PRIMARY KEY,
  started_utc INTEGER NOT NULL,  -- Unix time in nanoseconds
  ended_at    INTEGER,           -- NULL where the recorder was killed
  reason      TEXT               -- why it ended: 'stopped', 'duration', 'end of stream', or an error; NULL likewise
) STRICT;

CREATE TABLE urls (
  id  INTEGER PRIMARY KEY,
  url TEXT NOT NULL UNIQUE       -- absolute, as it was asked for
) STRICT;

-- Each playlist that was followed.
CREATE TABLE playlists (
  id         INTEGER PRIMARY KEY,
  url        INTEGER NOT NULL UNIQUE REFERENCES urls,
  kind       TEXT NOT NULL,      -- 'multivariant', 'media' (it was the address given), 'variant', 'rendition', 'iframes'
  name       TEXT NOT NULL,      -- NAME of a rendition, RESOLUTION or BANDWIDTH of a variant; empty for others
  bandwidth  INTEGER NOT NULL    -- of a variant, bit/s; 0 for others
) STRICT;

-- Each content that came, once.
CREATE TABLE bodies (
  id     INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL UNIQUE,   -- of the content, 32 bytes
  bytes  INTEGER NOT NULL,
  data   BLOB,                   -- playlists and what is short; NULL where it is a file
  file   TEXT                    -- name in the folder chunks, NULL where data is set
) STRICT;

-- Each request and its outcome, also one that failed, and each loading of a playlist that had not changed.
CREATE TABLE exchanges (
  id           INTEGER PRIMARY KEY,
  run          INTEGER NOT NULL REFERENCES runs,
  playlist     INTEGER REFERENCES playlists, -- whose it is
  resource     TEXT NOT NULL,    -- 'playlist', 'key', 'map', 'segment'
  url          INTEGER NOT NULL REFERENCES urls,
  final_url    INTEGER NOT NULL REFERENCES urls, -- where the answer came from, after redirections
  range_offset INTEGER,          -- the part that was asked for, in bytes; NULL for all
  range_length INTEGER,
  msn          INTEGER NOT NULL, -- media sequence number that it is for, -1 for none
  attempt      INTEGER NOT NULL, -- from 1
  began_at     INTEGER NOT NULL,
  answered_at  INTEGER,          -- the header was there; NULL where none came
  ended_at     INTEGER NOT NULL,
  status       INTEGER NOT NULL, -- HTTP status, 0 where no answer came
  headers      TEXT,             -- JSON object of lists of strings; NULL where the same content came as the last time
  body         INTEGER REFERENCES bodies, -- what came, as it was sent, up to where it broke off; NULL for nothing
  error        TEXT              -- why it failed, NULL where it did not
) STRICT;
CREATE INDEX exchanges_by_url ON exchanges (url, run, began_at);

-- Each version of a playlist: a loading that brought another text than the last one.
CREATE TABLE versions (
  id        INTEGER PRIMARY KEY,
  run       INTEGER NOT NULL REFERENCES runs,
  playlist  INTEGER NOT NULL REFERENCES playlists,
  exchange  INTEGER NOT NULL REFERENCES exchanges,
  body      INTEGER NOT NULL REFERENCES bodies, -- its text: the exchange's body, or where that came compressed what it means
  number    INTEGER NOT NULL,    -- loadings of this playlist before it, in this run
  seen_at   INTEGER NOT NULL,    -- it was there: the loading's end
  unseen_at INTEGER,             -- it wasn't there yet, as far as is known: when the last loading before it began; NULL for the first
  stale     INTEGER NOT NULL,    -- 1: older than one that was there before
  restarted INTEGER NOT NULL,    -- 1: its numbering does not go on
  missed    INTEGER NOT NULL     -- segments between the last version and this one that neither has
) STRICT;
CREATE INDEX versions_by_playlist ON versions (playlist, id);

-- Each entry of a media playlist, once in a run: fetched, or not, in the order of the playlist. Those that a run ended before
-- have none: they were still in the playlist, or being fetched. What was named and never asked for, since the recorder came
-- too late, has one without an exchange and with an error that begins with 'not asked for'.
CREATE TABLE segments (
  id               INTEGER PRIMARY KEY,
  run              INTEGER NOT NULL REFERENCES runs,
  playlist         INTEGER NOT NULL REFERENCES playlists,
  version          INTEGER NOT NULL REFERENCES versions, -- the first that names it
  exchange         INTEGER REFERENCES exchanges, -- that brought it, or the last that failed to; NULL: nothing was asked for
  msn              INTEGER NOT NULL,
  discontinuity    INTEGER NOT NULL, -- 1: EXT-X-DISCONTINUITY stands before it
  gap              INTEGER NOT NULL, -- 1: EXT-X-GAP
  duration         INTEGER NOT NULL, -- EXTINF
  pdt_utc          INTEGER,      -- EXT-X-PROGRAM-DATE-TIME, Unix time in nanoseconds; NULL for none
  error            TEXT,         -- why it isn't there, NULL where it is
  media            TEXT,         -- what first_pts and end_pts are of: 'video' or 'audio'; NULL where they could not be read
  first_pts        INTEGER,      -- the smallest PTS
  end_pts          INTEGER,      -- the largest PTS and one frame; both unwrapped within the segment, first_pts below 2^33
  first_time       INTEGER       -- nanoseconds on the HLS clock of a refstream, as its frame record says of the picture of first_pts (as
                                 -- sent, that PTS is a second more); NULL where there is none
) STRICT;
CREATE INDEX segments_by_playlist ON segments (playlist, id);

-- What went wrong besides: playlists that can't be parsed, streams that were given up.
CREATE TABLE troubles (
  id       INTEGER PRIMARY KEY,
  run      INTEGER NOT NULL REFERENCES runs,
  playlist INTEGER REFERENCES playlists,
  at       INTEGER NOT NULL,     -- an offset
  error    TEXT NOT NULL
) STRICT;

-- When each version of a playlist appeared, for people: what versions says, in other units.
--   version       versions.id
--   playlist      the playlist's URL
--   nth           1, 2, ... for each playlist, over all runs
--   utc           when it was seen: ISO 8601 in UTC, with milliseconds, cut off
--   uncertain_ms  how long before that it may have been there, in whole milliseconds, rounded up; NULL for the first of a run
--   run           in which it was seen
--   offset_s      when it was seen, in seconds since the start of the run
CREATE VIEW appearances AS
SELECT version, playlist, nth,
  strftime('%Y-%m-%dT%H:%M:%S', seen_utc / 1000000000, 'unixepoch') || printf('.%03dZ', seen_utc / 1000000 % 1000) AS utc,
  uncertain_ms, run, offset_s
FROM (
  SELECT v.id AS version, u.url AS playlist,
    row_number() OVER (PARTITION BY v.playlist ORDER BY v.id) AS nth,
    r.started_utc + v.seen_at AS seen_utc,
    (v.seen_at - v.unseen_at + 999999) / 1000000 AS uncertain_ms,
    v.run AS run, v.seen_at / 1e9 AS offset_s
  FROM versions v JOIN runs r ON r.id = v.run JOIN playlists p ON p.id = v.playlist JOIN urls u ON u.id = p.url
) ORDER BY version;
