package stream

const (
	// defaultBehind is 5 s of the 90 kHz clock: what a player buffers, and longer than a line that recovers is away.
	defaultBehind = 5 * 90000
	// defaultMaxBytes holds a GOP of 10 s at 50 Mbit/s, more than streams of this kind have.
	defaultMaxBytes = 64 << 20
)

// Options bound what a [Feed] keeps. What is not positive has its default.
type Options struct {
	// Behind is how far, in the ticks of Chunk.Time, a reader may lag behind the start of the newest complete GOP, so that
	// one that began there has this much time. Default 450000, which is 5 s at 90 kHz.
	Behind int64
	// MaxBytes bounds the sizes of all chunks kept, however long the GOP. Each chunk counts for a little more than its
	// Size, so that chunks of size 0 are bounded as well. Default 64 MiB. The newest chunk is kept whatever its size.
	MaxBytes int
}

func (o Options) withDefaults() Options {
	if o.Behind <= 0 {
		o.Behind = defaultBehind
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	return o
}
