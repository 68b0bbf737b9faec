// Package recorder records HLS sessions (RFC 8216bis): every version of every playlist with the time it was seen, every
// segment, initialization section and key, and every error, so that a stream's behaviour in the field can be replayed
// and measured. A session is a folder with an SQLite file, session.db, whose tables schema.sql describes, and a folder
// chunks with what is too long for it.
//
// session.db holds addresses as they were asked for, with all passwords and tokens in them, and what the answers' headers
// say: who is given a session has them. Logs and errors have no passwords.
package recorder
