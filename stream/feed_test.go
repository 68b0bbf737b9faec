package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// script appends chunks that are told by letters, one tick apart: S for a Start, c for another one, and a number for the
// ticks by which time jumps. The payload is the position.
func script(f *Feed[int], text string) {
	at, now := 0, int64(0)
	for _, word := range strings.Fields(text) {
		var jump int64
		if n, _ := fmt.Sscan(word, &jump); n == 1 {
			now += jump
			continue
		}
		for _, letter := range word {
			f.Append(Chunk[int]{Payload: at, Size: 100, Time: now, Start: letter == 'S'})
			at++
			now++
		}
	}
}

// rest reads until an error.
func rest[T any](t *testing.T, r *Reader[T]) (got []T, err error) {
	t.Helper()
	for {
		c, err := r.Next(t.Context())
		if err != nil {
			return got, err
		}
		got = append(got, c.Payload)
	}
}

func TestJoin(t *testing.T) {
	cases := []struct {
		name, before, after string
		o                   Options
		want                string // what is read of a feed that is closed after both
	}{
		{"empty", "", "", Options{}, "[]"},
		{"nothing to begin at", "ccc", "", Options{}, "[]"},
		{"before the first start", "", "SccS", Options{}, "[0 1 2 3]"},
		{"in mid GOP without its start", "ccc", "ccScc", Options{}, "[5 6 7]"},
		{"in the first GOP", "Scc", "cS", Options{}, "[0 1 2 3 4]"},
		{"one complete GOP", "SccSc", "c", Options{}, "[0 1 2 3 4 5]"},
		{"newest complete GOP", "SccSccScc", "", Options{}, "[3 4 5 6 7 8]"},
		{"just at a start", "SccSccS", "c", Options{}, "[3 4 5 6 7]"},
		{"starts only", "SSSS", "", Options{}, "[2 3]"},
		{"complete GOP dropped for its size", "ScccSc", "c", Options{MaxBytes: 3 * (100 + chunkCost)}, "[4 5 6]"},
		{"current GOP dropped as well", "Scccccc", "ccScc", Options{MaxBytes: 3 * (100 + chunkCost)}, "[9 10 11]"},
		{"no room for any but the newest", "Sccc", "Sc", Options{MaxBytes: 1}, "[5]"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := New[int](c.o)
			script(f, c.before)
			r := f.Join()
			for i, letter := range c.after {
				f.Append(Chunk[int]{Payload: len(c.before) + i, Size: 100, Time: int64(len(c.before) + i), Start: letter == 'S'})
				if c.o.MaxBytes == 1 && letter == 'S' {
					r = f.Join()
				}
			}
			f.Close()
			got, err := rest(t, r)
			if c.o.MaxBytes == 1 {
				// The one that it would begin with is gone by then.
				if err != ErrBehind || len(got) != 0 {
					t.Errorf("read %v, %v, want %v", got, err, ErrBehind)
				}
				return
			}
			if err != io.EOF || fmt.Sprint(got) != c.want {
				t.Errorf("read %v, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestBehind(t *testing.T) {
	cases := []struct {
		name, text string
		o          Options
		lost       bool // for a reader that has read the first chunk and then nothing
		lag        int64
	}{
		{"no start since", "Scccccccccc", Options{Behind: 3}, false, 9},
		{"one complete GOP", "Scccc Scccc", Options{Behind: 3}, false, 8},
		{"at the limit", "Sccc Sccc S", Options{Behind: 3}, false, 7},
		{"one past it", "Scccc Scccc S", Options{Behind: 3}, true, 8},
		{"within the default", "S 449999 S c S", Options{}, false, 2},
		{"past the default", "Sc 450000 S c S", Options{}, true, 2},
		{"too much", "Sccccc", Options{MaxBytes: 3 * (100 + chunkCost)}, true, 2},
		{"just not too much", "Sccc", Options{MaxBytes: 3 * (100 + chunkCost)}, false, 2},
		{"sizes of nothing count", "S" + strings.Repeat("c", 100), Options{MaxBytes: 50 * (100 + chunkCost)}, true, 49},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := New[int](c.o)
			r := f.Join()
			script(f, c.text[:1])
			if _, err := r.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
			g := New[int](c.o)
			script(g, c.text)
			r.feed = g
			if got := r.Lag(); got != c.lag {
				t.Errorf("the lag is %d, want %d", got, c.lag)
			}
			got, err := r.Next(t.Context())
			if c.lost != errors.Is(err, ErrBehind) || !c.lost && (err != nil || got.Payload != 1) {
				t.Errorf("read %+v, %v, want lost: %t", got, err, c.lost)
			}
			if _, again := r.Next(t.Context()); c.lost && again != ErrBehind {
				t.Errorf("after that %v", again)
			}
		})
	}
}

// model keeps everything and knows from the contract alone what may be asked for.
type model struct {
	o    Options
	all  []Chunk[int]
	kept int // the oldest one kept
}

func (m *model) add(c Chunk[int]) {
	m.all = append(m.all, c)
	sum := 0
	for _, c := range m.all[m.kept:] {
		sum += c.Size + chunkCost
	}
	for sum > m.o.MaxBytes && m.kept < len(m.all)-1 {
		sum -= m.all[m.kept].Size + chunkCost
		m.kept++
	}
	current, complete := m.starts()
	goal := current
	if complete >= m.kept {
		goal = complete
	}
	for m.kept < len(m.all)-1 && (current < 0 || m.kept < goal && m.all[m.kept].Time < m.all[goal].Time-m.o.Behind) {
		m.kept++
	}
}

// starts are the positions of the newest Start and of the one before, or -1.
func (m *model) starts() (current, complete int) {
	current, complete = -1, -1
	for i, c := range m.all {
		if c.Start {
			current, complete = i, current
		}
	}
	return current, complete
}

func (m *model) join() int {
	current, complete := m.starts()
	if complete >= m.kept {
		return complete
	}
	if current >= m.kept {
		return current
	}
	return -1
}

// TestAgainstModel has readers join, read and lag at random, and compares every answer with one that is computed from the
// whole history.
func TestAgainstModel(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		o := Options{Behind: 1 + random.Int64N(60), MaxBytes: 1000 + random.IntN(20000)}
		f, m := New[int](o), &model{o: o}
		type reading struct {
			r  *Reader[int]
			at int // next position, -1 while waiting
		}
		var readers []*reading
		now := int64(0)
		for step := range 400 {
			switch random.IntN(3) {
			case 0:
				now += random.Int64N(4)
				c := Chunk[int]{Payload: len(m.all), Size: random.IntN(300), Time: now, Start: random.IntN(8) == 0}
				f.Append(c)
				m.add(c)
				for _, r := range readers {
					if r.at < 0 && c.Start {
						r.at = c.Payload
					}
				}
			case 1:
				readers = append(readers, &reading{f.Join(), m.join()})
			case 2:
				if len(readers) == 0 {
					continue
				}
				r := readers[random.IntN(len(readers))]
				begun := !r.r.waiting
				got, wake, err := r.r.take()
				switch {
				case r.at < 0 || r.at >= len(m.all):
					if wake == nil {
						t.Fatalf("seed %d, step %d: %+v, %v where there is nothing yet", seed, step, got, err)
					}
				case r.at < m.kept && begun:
					if err != ErrBehind {
						t.Fatalf("seed %d, step %d: %+v, %v where chunk %d is gone", seed, step, got, err, r.at)
					}
				case r.at < m.kept:
					// It has not begun and what it could have begun with is gone: it goes on waiting, or begins later.
					if err != nil {
						t.Fatalf("seed %d, step %d: %v for a reader that has not begun", seed, step, err)
					}
					if r.at = -1; wake == nil {
						if !got.Start {
							t.Fatalf("seed %d, step %d: it begins with %+v", seed, step, got)
						}
						r.at = got.Payload + 1
					}
				default:
					if err != nil || wake != nil || got != m.all[r.at] {
						t.Fatalf("seed %d, step %d: %+v, %v, want %+v", seed, step, got, err, m.all[r.at])
					}
					r.at++
				}
			}
			if f.log.len() != len(m.all)-m.kept {
				t.Fatalf("seed %d, step %d: %d chunks are kept, want %d", seed, step, f.log.len(), len(m.all)-m.kept)
			}
		}
	}
}

// TestBounded has many readers that read nothing: what is kept does not depend on them, and what is dropped is let go of.
func TestBounded(t *testing.T) {
	f := New[*int](Options{MaxBytes: 10_000})
	var readers []*Reader[*int]
	for i := range 20_000 {
		f.Append(Chunk[*int]{Payload: &i, Size: i % 500, Time: int64(i), Start: i%50 == 0})
		if i%20 == 0 {
			readers = append(readers, f.Join())
		}
		if f.bytes > 10_000 || len(f.log.items) > 128 {
			t.Fatalf("%d bytes in %d places are kept", f.bytes, len(f.log.items))
		}
	}
	held := 0
	for _, c := range f.log.items {
		if c.Payload != nil {
			held++
		}
	}
	if held != f.log.len() || len(readers) != 1000 {
		t.Errorf("%d payloads are held for %d chunks", held, f.log.len())
	}
	if _, err := readers[0].Next(t.Context()); err != ErrBehind {
		t.Errorf("the first reader gets %v", err)
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New[int](Options{})
		script(f, "Sc")
		r, waiting := f.Join(), New[int](Options{})
		var wait sync.WaitGroup
		for _, r := range []*Reader[int]{f.Join(), waiting.Join()} {
			wait.Go(func() {
				for {
					if _, err := r.Next(t.Context()); err != nil {
						if err != io.EOF {
							t.Errorf("a reader that waits gets %v", err)
						}
						return
					}
				}
			})
		}
		synctest.Wait() // both have nothing more to read
		f.Close()
		waiting.Close()
		wait.Wait()
		f.Close()
		f.Append(Chunk[int]{Payload: 2})
		if got, err := rest(t, r); err != io.EOF || fmt.Sprint(got) != "[0 1]" {
			t.Errorf("read %v, %v", got, err)
		}
		if got, err := rest(t, f.Join()); err != io.EOF || fmt.Sprint(got) != "[0 1]" {
			t.Errorf("a late reader reads %v, %v", got, err)
		}
	})
}

func TestNextEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New[int](Options{})
		r := f.Join()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := r.Next(ctx)
			ended <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Errorf("it returned %v", err)
		}
		// Also where there is something to read; the reader is as good as before.
		script(f, "S")
		if _, err := r.Next(ctx); err != context.Canceled {
			t.Errorf("it returned %v", err)
		}
		if c, err := r.Next(t.Context()); err != nil || !c.Start {
			t.Errorf("read %+v, %v", c, err)
		}
	})
}

// TestManyReaders has one goroutine write and many read and come and go.
func TestManyReaders(t *testing.T) {
	const chunks = 3000
	f := New[int](Options{})
	var wait sync.WaitGroup
	for i := range 40 {
		wait.Go(func() {
			for {
				r := f.Join()
				last, ended := -1, false
				for n := 0; !ended && (i%2 == 0 || n < 70); n++ {
					c, err := r.Next(t.Context())
					switch {
					case err == io.EOF:
						ended = true
					case err != nil:
						t.Errorf("reader %d: %v after %d", i, err, last)
						return
					case last < 0 && !c.Start || last >= 0 && c.Payload != last+1:
						t.Errorf("reader %d: %+v after %d", i, c, last)
						return
					default:
						last = c.Payload
					}
				}
				if ended {
					if last != chunks-1 {
						t.Errorf("reader %d: the last chunk is %d", i, last)
					}
					return
				}
			}
		})
	}
	for i := range chunks {
		f.Append(Chunk[int]{Payload: i, Size: 1000, Time: int64(i), Start: i%25 == 0})
	}
	f.Close()
	wait.Wait()
}
