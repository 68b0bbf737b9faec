// Package recorder records HLS sessions (RFC 8216bis): every version of every playlist with the time it was seen, every
// segment, initialization section and key, and every error, so that a stream's behaviour in the field can be replayed
// and measured. A session is a folder with an SQLite file, session.db, whose tables schema.sql describes, and a folder
// chunks with what is too long for it.
package recorder
