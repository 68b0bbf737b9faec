package stream

// ring is a queue whose items keep their positions, counted from 0 with the first one ever pushed.
type ring[T any] struct {
	items []T   // a power of two of places; position p is at p modulo that
	first int64 // the position of the oldest item kept
	n     int   // items kept
}

// minPlaces is how many places the first item makes: some seconds of frames.
const minPlaces = 128

func (r *ring[T]) len() int { return r.n }

// end is the position of the next item.
func (r *ring[T]) end() int64 { return r.first + int64(r.n) }

// at is the item at a position, which must lie in [first, end).
func (r *ring[T]) at(p int64) *T { return &r.items[int(p&int64(len(r.items)-1))] }

// push adds an item and returns its position.
func (r *ring[T]) push(v T) int64 {
	if r.n == len(r.items) {
		larger := ring[T]{items: make([]T, max(minPlaces, 2*r.n)), first: r.first, n: r.n}
		for p := r.first; p < r.end(); p++ {
			*larger.at(p) = *r.at(p)
		}
		*r = larger
	}
	p := r.end()
	r.n++
	*r.at(p) = v
	return p
}

// pop takes the oldest item; there must be one.
func (r *ring[T]) pop() T {
	var zero T
	v := *r.at(r.first)
	*r.at(r.first) = zero // nothing keeps its payload
	r.first++
	r.n--
	return v
}
