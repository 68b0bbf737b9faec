package api

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// missingView is a frame that has no record.
type missingView struct {
	Frame   int64                 `json:"frame"`
	Missing markers.MissingRecord `json:"missing"`
}

// getFrame answers GET /frames/{n} and GET /frames/{n}.png: the router can't tell them apart.
func (s *Server) getFrame(c echo.Context) error {
	param, png := strings.CutSuffix(c.Param("n"), ".png")
	if strings.Contains(param, "/") {
		return echo.ErrNotFound
	}
	n, numberErr := parseDigits(param)
	q := newQuery(c.Request(), "channel", "rendition")
	if numberErr != nil || n > maxFrame {
		q.fail(badField("n", "%q is not a frame number from 0 to %d", param, int64(maxFrame)))
	}
	ctx := c.Request().Context()
	ch, twin, err := s.channelOrTwin(ctx, q)
	switch {
	case err != nil:
		return err
	case twin != nil && png:
		return notFound("%s is a faulty twin: its record of the frame names the one that is shown, and /frames/N.png?channel=%s has that", twin.name, ch.Name)
	case twin != nil && (n < twin.oldest || n > twin.newest):
		return notFound("frame %d is not among those that %s is known to have: %d to %d", n, twin.name, twin.oldest, twin.newest)
	}
	in, err := q.rendition(ch)
	if err != nil {
		return err
	}
	if png {
		return s.answerPicture(c, ch, in.picture, n)
	}
	record, err := s.frame(ctx, ch.Name, n)
	if err != nil {
		return err
	}
	missing, err := s.missingIn(ctx, ch.Name, n, n)
	if twin != nil && err == nil {
		if missing = twin.lacks(missing, n, n); len(missing) > 0 {
			record = nil
		}
	}
	switch {
	case err != nil:
		return err
	case record == nil && len(missing) == 0:
		return s.unknownFrame(ctx, ch, n)
	case record == nil:
		return noCache(c, missingView{n, missing[0]})
	}
	views, err := s.frameViews(ctx, ch, []markers.FrameRecord{*record})
	if err != nil {
		return err
	}
	in.frames(views)
	if twin != nil {
		if err := twin.labelFrames(ctx, views); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		views[0].Missing = &missing[0]
	}
	return noCache(c, views[0])
}

// frame reads the record of frame n, nil where there is none.
func (s *Server) frame(ctx context.Context, channel string, n int64) (*markers.FrameRecord, error) {
	list, err := s.cfg.Store.Frames(ctx, channel, markers.Range{
		From: markers.AtFrame(n), To: markers.EndOfFrame(n), Limit: 1,
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

const (
	// maxRenders is how many pictures are made at once: encoding a PNG takes a core for some 0.1 s at 1080p, and the
	// live encoder needs the others.
	maxRenders = 2
	// maxRenderQueue is how many requests may wait for that.
	maxRenderQueue = 32
	// maxRenderers bounds the renderers kept, some megabytes each: one a channel, for few channels.
	maxRenderers = 4
)

// pictureMaker makes reference pictures. Its methods may be called at once from many goroutines.
type pictureMaker struct {
	queue, renders chan struct{}

	mu        sync.Mutex
	renderers map[generator.Options]*sharedRenderer
}

// sharedRenderer is a renderer that one goroutine at a time uses.
type sharedRenderer struct {
	mu sync.Mutex
	r  *generator.Renderer
}

func newPictureMaker() *pictureMaker {
	return &pictureMaker{
		queue: make(chan struct{}, maxRenderQueue), renders: make(chan struct{}, maxRenders),
		renderers: map[generator.Options]*sharedRenderer{},
	}
}

// png renders and encodes the picture of frame n.
func (p *pictureMaker) png(ctx context.Context, o generator.Options, n int64, event bool) ([]byte, error) {
	select {
	case p.queue <- struct{}{}:
	default:
		return nil, tryLater(http.StatusServiceUnavailable, time.Second, "too many pictures are being rendered")
	}
	defer func() { <-p.queue }()
	select {
	case p.renders <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.renders }()
	shared, err := p.renderer(o)
	if err != nil {
		return nil, fmt.Errorf("render frame %d: %w", n, err)
	}
	shared.mu.Lock()
	img, err := shared.r.Image(n, generator.Look{Event: event})
	shared.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("render frame %d: %w", n, err)
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img); err != nil {
		return nil, fmt.Errorf("encode frame %d: %w", n, err)
	}
	return b.Bytes(), nil
}

func (p *pictureMaker) renderer(o generator.Options) (*sharedRenderer, error) {
	o.Epoch = o.Epoch.UTC() // one epoch, one key
	p.mu.Lock()
	defer p.mu.Unlock()
	if shared := p.renderers[o]; shared != nil {
		return shared, nil
	}
	r, err := generator.NewRenderer(o)
	if err != nil {
		return nil, err
	}
	if len(p.renderers) >= maxRenderers {
		clear(p.renderers)
	}
	shared := &sharedRenderer{r: r}
	p.renderers[o] = shared
	return shared, nil
}

// answerPicture answers GET /frames/{n}.png: what the generator renders as frame n with a rendition's options. Any frame has one, for
// the schedule covers any time; triggered events are known once they are triggered.
func (s *Server) answerPicture(c echo.Context, ch markers.Channel, o generator.Options, n int64) error {
	ctx := c.Request().Context()
	event, final, err := s.eventAt(ctx, ch, n)
	if err != nil {
		return err
	}
	// The picture is a pure function of these.
	etag := delivery.ETag(fmt.Appendf(nil, "%d %v %+v", n, event, o))
	caching := "no-cache"
	if final { // not immutable: the same address shows another picture after the data directory was reset
		caching = "public, max-age=3600"
	}
	c.Response().Header().Set("Cache-Control", caching)
	if hasAlready(c, etag) {
		return c.NoContent(http.StatusNotModified)
	}
	body, err := s.pictures.png(ctx, o, n, event)
	if err != nil {
		return err
	}
	return sendBytes(c, "image/png", etag, body)
}

// eventAt says whether frame n shows an event, and whether that is final. A frame that left the encoder has it in its
// record. Of another, the schedule knows, the marker of a triggered event that happened, or, for a frame to come, the
// trigger of one.
func (s *Server) eventAt(ctx context.Context, ch markers.Channel, n int64) (event, final bool, err error) {
	record, err := s.frame(ctx, ch.Name, n)
	if err != nil {
		return false, false, err
	}
	if record != nil {
		return record.Event != "", true, nil
	}
	shows, err := scenario.New(ch)
	if err != nil {
		return false, false, err
	}
	if _, ok := shows.At(n); ok {
		return true, false, nil
	}
	upTo := markers.Range{To: markers.EndOfFrame(n), Limit: 1, Desc: true}
	happened, err := s.cfg.Store.Markers(ctx, ch.Name, upTo)
	if err != nil {
		return false, false, err
	}
	if len(happened) == 1 && happened[0].Kind == markers.KindManual && n <= happened[0].LastFrame {
		return true, false, nil
	}
	newest, err := s.cfg.Store.Last(ctx, ch.Name, markers.Frames)
	if err != nil || n <= newest.Frame {
		return false, false, err // a trigger without a marker came too late
	}
	triggers, err := s.planner.earlier(ctx, ch, upTo.To)
	if err != nil || len(triggers) == 0 || n > triggers[0].LastFrame {
		return false, false, err
	}
	ok, err := s.planner.holds(ctx, ch, triggers[0])
	return ok, false, err
}
