package scenes

// maxSkip is how many key frames further on a decoder is tried again at most.
const maxSkip = 64

// retry is how often decoders failed without a new picture in between. The first time, another one is given the same
// again: it may have been killed. After that, what it fails at is passed by: more and more, as it may be a stream that
// ffmpeg can't decode at all.
type retry struct {
	tries int
	// pictures is how many there were when a decoder failed last, and from how far the recording had been given then.
	pictures, from int64
}

// skip is how many key frames further on the next decoder begins; 0 for where it is told.
func (r retry) skip() int {
	if r.tries < 2 {
		return 0
	}
	return min(1<<(r.tries-2), maxSkip)
}

// again says where to go on after the decoder of f failed.
func (s *scanner) again(r *retry, f *feed, failure error) place {
	if r.tries == 0 || s.keeper.pictures > r.pictures {
		r.tries, r.from = 0, f.picker.from.Video
	}
	r.tries++
	r.pictures = s.keeper.pictures
	if r.tries == 1 {
		s.o.Logger.Error("the decoder failed: another one goes on with the same pictures", "error", failure, "at_byte", f.at)
		return s.keeper.restart(f.picker.from)
	}
	s.o.Logger.Error("the decoder failed again: pictures are left out, up to another key frame", "error", failure, "at_byte", f.at)
	s.keeper.skipped = true
	// From the last key frame that was decoded on, or where this one began: the key frames behind it are tried.
	from := f.picker.from
	if k := s.keeper.lastKey; k.Video > from.Video {
		from = k
	}
	return from
}
