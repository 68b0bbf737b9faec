package rtmp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
)

const (
	// version is that of plain RTMP (5.2.2).
	version = 3
	// maxVersion is the last one that a client may begin with: from 32 on it would be text, which some other protocol
	// begins with (5.2.2).
	maxVersion = 31
	// randomSize is the length of C1, C2, S1 and S2 (5.2.3).
	randomSize = 1536
)

// The two sides' packets differ, as they should (5.2.3): one that gets its own back is talking to itself.
const (
	serverSeed = 1
	clientSeed = 2
)

// opening is C0 and C1, or S0 and S1. The time in it is 0; so are the four bytes after it, in which other software says
// that it uses the digest kind of handshake. The rest may be anything (5.2.3).
func opening(seed uint64) []byte {
	b := make([]byte, 1+randomSize)
	b[0] = version
	r := rand.New(rand.NewPCG(seed, 0))
	for i := 1 + 8; i < len(b); i++ {
		b[i] = byte(r.Uint32())
	}
	return b
}

// acceptHandshake is the server's side (5.2). A client that offers another version is answered with ours and may continue
// or not, as the specification has it; which kind of handshake it has in mind makes no difference to it.
func acceptHandshake(r io.Reader, w io.Writer) error {
	var c [1 + randomSize]byte
	if err := readPart(r, c[:1], 0, "C0"); err != nil {
		return err
	}
	if c[0] > maxVersion {
		return fmt.Errorf("read RTMP handshake: byte 0: begins with 0x%02x: not RTMP", c[0])
	}
	if err := readPart(r, c[1:], 1, "C1"); err != nil {
		return err
	}
	if _, err := w.Write(append(opening(serverSeed), c[1:]...)); err != nil { // S2 is what C1 was
		return fmt.Errorf("write RTMP handshake: %w", err)
	}
	return readPart(r, c[1:], 1+randomSize, "C2") // that it is what S1 was is not insisted on: some send anything
}

// offerHandshake is the client's side (5.2).
func offerHandshake(r io.Reader, w io.Writer) error {
	if _, err := w.Write(opening(clientSeed)); err != nil {
		return fmt.Errorf("write RTMP handshake: %w", err)
	}
	var s [1 + 2*randomSize]byte
	if err := readPart(r, s[:1], 0, "S0"); err != nil {
		return err
	}
	if s[0] != version {
		return fmt.Errorf("read RTMP handshake: byte 0: server's version is %d, not %d", s[0], version)
	}
	if err := readPart(r, s[1:1+randomSize], 1, "S1"); err != nil {
		return err
	}
	if _, err := w.Write(s[1 : 1+randomSize]); err != nil { // C2 is what S1 was
		return fmt.Errorf("write RTMP handshake: %w", err)
	}
	return readPart(r, s[1+randomSize:], 1+randomSize, "S2")
}

// readPart fills b with a part of the handshake, which begins at that offset in the connection.
func readPart(r io.Reader, b []byte, at int, name string) error {
	n, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) && at > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read RTMP handshake: byte %d: %s: %w", at+n, name, err)
	}
	return nil
}

// handshakeReader is what the handshake and then the chunks are read through: a peer may send both at once.
func handshakeReader(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, readStep) }
