package api

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// maxSecond is the last second of the stream that is asked for: maxFrame at one frame a second.
const maxSecond = maxFrame

// getSound answers GET /audio/{n}.wav: the sound of second n as the encoder is given it.
func (s *Server) getSound(c echo.Context) error {
	param, wav := strings.CutSuffix(c.Param("n"), ".wav")
	if !wav {
		return echo.ErrNotFound
	}
	n, numberErr := parseDigits(param)
	q := newQuery(c.Request(), "channel")
	if numberErr != nil || n > maxSecond {
		q.fail(badField("n", "%q is not a second of the stream from 0 to %d", param, int64(maxSecond)))
	}
	ctx := c.Request().Context()
	ch, err := s.channel(ctx, q)
	if err != nil {
		return err
	}
	if !ch.Audio {
		return notFound("channel %s has no sound: start it with --audio", ch.Name)
	}
	beeps, err := s.beeps(ctx, ch, n)
	if err != nil {
		return err
	}
	samples := make([]int16, generator.SoundChannels*media.SampleRate)
	generator.RenderSamples(samples, n*media.SampleRate, beeps)
	body := wavFile(samples)
	h := c.Response().Header()
	h.Set("Content-Type", "audio/wav")
	h.Set("Cache-Control", "public, max-age=3600") // not immutable, as with pictures
	h.Set("ETag", delivery.ETag(body))
	delivery.TidyRange(c.Request())
	return answerBy(c, func(w http.ResponseWriter) { http.ServeContent(w, c.Request(), "", time.Time{}, bytes.NewReader(body)) })
}

// beeps are those of the events that second n has: of the schedule, and those that were triggered. It is an error where these can't be
// known: while frames of it may still get one, and when markers of that time are kept no more.
func (s *Server) beeps(ctx context.Context, ch markers.Channel, n int64) ([]generator.Beep, error) {
	shows, err := scenario.New(ch)
	if err != nil {
		return nil, err
	}
	first, end := n*media.SampleRate, (n+1)*media.SampleRate
	from, to := ch.Rate.FrameAtSample(first), ch.Rate.FrameAtSample(end-1)
	newest, err := s.cfg.Store.Last(ctx, ch.Name, markers.Frames)
	switch {
	case err != nil:
		return nil, err
	case newest == (markers.ID{}):
		return nil, notFound("nothing is known of second %d: no frame has left the encoder yet", n)
	case to > newest.Frame:
		return nil, notFound("nothing is known of second %d: it ends with frame %d, and the newest that has left the encoder is frame %d", n, to, newest.Frame)
	case ch.KeepMarkers > 0 && from < newest.Frame-ch.Rate.FrameAtNanos(int64(ch.KeepMarkers)):
		return nil, notFound("nothing is known of second %d: what was triggered then is forgotten; markers are kept for %s s (--keep-markers)", n, ch.KeepMarkers)
	}
	list := shows.Beeps(first, end)
	happened, err := s.cfg.Store.Markers(ctx, ch.Name, markers.Range{
		From: markers.AtFrame(max(0, from-ch.LongestEvent())), To: markers.EndOfFrame(to),
	})
	if err != nil {
		return nil, err
	}
	for _, m := range happened {
		if m.Kind == markers.KindManual && m.LastFrame >= from {
			list = append(list, shows.Beep(scenario.Event{First: m.ScheduledFrame, Last: m.LastFrame}))
		}
	}
	return list, nil
}

// wavFile is a file of 16-bit samples (RIFF WAVE, format 1: PCM).
func wavFile(samples []int16) []byte {
	const header, pcm, sampleBytes = 44, 1, 2
	data := sampleBytes * len(samples)
	le := binary.LittleEndian
	b := make([]byte, 0, header+data)
	b = le.AppendUint32(append(b, "RIFF"...), uint32(header-8+data))
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(b, pcm)
	b = le.AppendUint16(b, generator.SoundChannels)
	b = le.AppendUint32(b, media.SampleRate)
	b = le.AppendUint32(b, media.SampleRate*generator.SoundChannels*sampleBytes)
	b = le.AppendUint16(b, generator.SoundChannels*sampleBytes)
	b = le.AppendUint16(b, 8*sampleBytes)
	b = le.AppendUint32(append(b, "data"...), uint32(data))
	for _, v := range samples {
		b = le.AppendUint16(b, uint16(v))
	}
	return b
}
