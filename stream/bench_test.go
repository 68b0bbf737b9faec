package stream

import (
	"fmt"
	"sync"
	"testing"
)

// BenchmarkAppend is the cost of a chunk to the writer and the machine while readers take every chunk.
func BenchmarkAppend(b *testing.B) {
	for _, readers := range []int{0, 50, 1000} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			f := New[[]byte](Options{})
			payload := make([]byte, 25_000)
			var wait sync.WaitGroup
			var taken sync.WaitGroup
			for range readers {
				r := f.Join()
				wait.Go(func() {
					for {
						if _, err := r.Next(b.Context()); err != nil {
							return
						}
						taken.Done()
					}
				})
			}
			b.ReportAllocs()
			i := int64(0)
			for b.Loop() {
				// As in a live stream, all have taken one chunk when the next is there.
				taken.Add(readers)
				f.Append(Chunk[[]byte]{Payload: payload, Size: len(payload), Time: i * 3600, Start: i%25 == 0})
				taken.Wait()
				i++
			}
			f.Close()
			wait.Wait()
		})
	}
}
