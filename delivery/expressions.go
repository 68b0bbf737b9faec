package delivery

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/playlists"
	"github.com/refstream/refstream/faults/requests"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

const (
	// maxExpressions is how many expressions are kept with what they know. One more, and the one that was silent for longest is
	// forgotten.
	maxExpressions = 64
	// maxRequests is how many requests with faults each remembers.
	maxRequests = 1000
)

// Expressions are faulty views of channels, each made by an expression (see [scenario.ParseExpression]). They have no channel of their
// own: what they show is made of the clean files, when it is requested. Many goroutines may use it at once.
type Expressions struct {
	Publications

	mu   sync.Mutex
	kept []*Expression // the one that was used last is the last
}

// Expression is a channel with the faults of an expression.
type Expression struct {
	Faulty
	// Client is the name that the expression has for its client, or empty.
	Client string

	text    string
	channel markers.Channel
	files   Publications
	since   int64 // the newest frame when it was made
	plan    *scenario.Plan
	ledger  *faults.Ledger

	mu        sync.Mutex
	playlists map[string]*view
}

// view is a media playlist of an expression: a text of the clean one, and what is shown for it.
type view struct {
	rewriter      *playlists.Rewriter
	clean, faulty []byte
}

// Open finds the view of an expression on a channel, or makes it. An error names the place in the expression.
func (e *Expressions) Open(text string, c markers.Channel) (*Expression, error) {
	e.mu.Lock()
	defer e.mu.Unlock() // also while one is made: that may take long, and many at once would take the machine
	i := slices.IndexFunc(e.kept, func(x *Expression) bool { return x.text == text && x.channel.Name == c.Name })
	if i >= 0 && e.kept[i].channel.SameStream(c) {
		x := e.kept[i]
		e.kept = append(slices.Delete(e.kept, i, i+1), x)
		return x, nil
	}
	x, err := newExpression(text, c, e.Publications)
	if err != nil {
		return nil, err
	}
	if i < 0 && len(e.kept) >= maxExpressions {
		i = 0
	}
	if i >= 0 {
		e.kept = slices.Delete(e.kept, i, i+1)
	}
	e.kept = append(e.kept, x)
	return x, nil
}

func newExpression(text string, c markers.Channel, files Publications) (*Expression, error) {
	f, client, err := scenario.ParseExpression(text, slices.Concat(playlists.Kinds(), requests.Kinds()), func(k *scenario.Kind) string {
		if k.Name == "playlist.late" || k.Name == "playlist.older" {
			return "it shows versions of the playlist that nobody may have requested, and only a twin keeps them: use serve --scenario"
		}
		return ""
	})
	if err != nil {
		return nil, err
	}
	named := c
	named.Name = "x" // the view has no name of its own
	plan, err := f.Plan(named)
	if err != nil {
		return nil, err
	}
	x := &Expression{
		Client: client, text: text, channel: c, files: files, plan: plan, ledger: faults.NewLedger(plan, c), playlists: map[string]*view{},
	}
	x.Faulty = Faulty{Log: requests.New(plan, c.Clock(), maxRequests), Clock: c.Clock(), Newest: func() int64 { return files.Newest(c.Name, c.Clock()) }}
	x.since = x.Newest()
	x.forget(x.since)
	return x, nil
}

// forget drops what is older than the window.
func (x *Expression) forget(newest int64) {
	before := newest - x.channel.Window*x.channel.FramesPerSegment
	x.ledger.Forget(before)
	x.Log.Forget(before)
}

// Open finds a file, with the faults of playlists in it.
func (x *Expression) Open(name string) (*Resource, error) {
	if !isMediaPlaylist(name) {
		return x.files.Open(x.channel.Name, name)
	}
	x.mu.Lock() // versions are read in the order in which they were published
	defer x.mu.Unlock()
	file, err := x.files.Open(x.channel.Name, name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(file.Content)
	if err != nil {
		return nil, fmt.Errorf("read playlist: %w", err)
	}
	v := x.playlists[name]
	if v == nil {
		report := x.ledger.Report
		if len(x.playlists) > 0 { // of the playlists of several containers one counts
			report = func(faults.Change) {}
		}
		v = &view{rewriter: playlists.New(x.plan, x.Clock, report)}
		x.playlists[name] = v
	}
	if v.faulty == nil || !bytes.Equal(text, v.clean) {
		newest := newestOf(text, x.Clock)
		v.clean, v.faulty = text, v.rewriter.Playlist(text, newest)
		x.forget(newest)
	}
	return file.with(v.faulty), nil
}

// Records are those of the faults that are planned for any of the frames first to last, of one client or of all where it is empty.
func (x *Expression) Records(first, last, newest int64, client string) []markers.FaultRecord {
	list := x.ledger.Records(first, last, newest)
	x.Log.Fill(list, client, newest)
	for i := range list {
		switch r := &list[i]; {
		case r.Reason != faults.Unseen && r.Reason != requests.Unmet:
		case r.LastFrame <= x.since:
			r.Reason = "it was over before the first request for the expression that is known"
		default:
			r.Reason = requests.Unmet
		}
	}
	return list
}
