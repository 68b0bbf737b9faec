package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// marionette is a connection that speaks Firefox's remote protocol, version 3: a message is its length in decimal, a
// colon and JSON. A request is [0, id, name, parameters], its response [1, id, error or null, result].
// (https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html)
type marionette struct {
	conn net.Conn
	in   *bufio.Reader
	id   int
}

// A screenshot is a few MiB; what claims to be longer is no message.
const maxMessage = 64 << 20

func dialMarionette(ctx context.Context, addr string) (*marionette, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to Marionette: %w", err)
	}
	m := &marionette{conn: conn, in: bufio.NewReader(conn)}
	// The server speaks first, to say who it is.
	if err := m.during(ctx, func() error { _, err := m.read(); return err }); err != nil {
		conn.Close()
		return nil, fmt.Errorf("read Marionette's greeting: %w", err)
	}
	return m, nil
}

func (m *marionette) close() { m.conn.Close() }

// during does what reads and writes until the context is done.
func (m *marionette) during(ctx context.Context, do func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = m.conn.SetDeadline(time.Unix(1, 0)) })
	err := do()
	if !stop() && ctx.Err() != nil {
		return fmt.Errorf("%w (%w)", ctx.Err(), err)
	}
	return err
}

// call sends a command and stores the result in v, unless that is nil.
func (m *marionette) call(ctx context.Context, name string, parameters map[string]any, v any) error {
	m.id++
	message, err := json.Marshal([]any{0, m.id, name, parameters})
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	err = m.during(ctx, func() error {
		if _, err := fmt.Fprintf(m.conn, "%d:%s", len(message), message); err != nil {
			return err
		}
		text, err := m.read()
		if err != nil {
			return err
		}
		return m.parse(text, v)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (m *marionette) read() ([]byte, error) {
	prefix, err := m.in.ReadString(':')
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSuffix(prefix, ":"))
	if err != nil || n < 0 || n > maxMessage {
		return nil, fmt.Errorf("a message begins with %.40q, not with its length", prefix)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(m.in, text); err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	return text, nil
}

func (m *marionette) parse(text []byte, v any) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil || len(parts) != 4 {
		return fmt.Errorf("not a response: %.200s", text)
	}
	var id int
	if err := json.Unmarshal(parts[1], &id); err != nil || id != m.id {
		return fmt.Errorf("response %s to request %d", parts[1], m.id)
	}
	if string(parts[2]) != "null" {
		return fmt.Errorf("%.600s", parts[2])
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(parts[3], v)
}
