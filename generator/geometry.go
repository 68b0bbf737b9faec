package generator

// Rect is a rectangle in pixels from the top left corner of the picture.
type Rect struct {
	X, Y, Width, Height int
}

const (
	// The picture is built on a module of a ninth of its height, which makes 16x9 squares of a 16:9 picture: one row
	// for the frame code, seven for the board, one for the text.
	modules   = 9
	boardRows = 7
	// minBlock lines or columns have enough chroma samples to keep a colour at low bit rates: small pictures get fewer rows.
	minBlock = 16
	// rollSeconds is about how long the board takes to cross the picture: slow enough for the eye to follow the block.
	rollSeconds = 8
)

// Roll is how many pixels the board moves to the left with every frame, or to the right where it is negative: even, so that
// 4:2:0 chroma samples move as a whole, and not 0.
func (o Options) Roll() int {
	if o.RollStep != 0 {
		return o.RollStep
	}
	if o.Rate.Num <= 0 || o.Rate.Den <= 0 {
		return 2
	}
	return max(2, int(int64(o.Width)*o.Rate.Den/(o.Rate.Num*rollSeconds))&^1)
}

// Band is the row of the board that the block rolls in: as wide as the picture, and holding the block in every frame
// of any event. Valid options are assumed.
func (o Options) Band() Rect {
	g := o.grid()
	top, bottom := g.rowEdge(g.rows/2), g.rowEdge(g.rows/2+1)
	return Rect{0, top, o.Width, bottom - top}
}

// BlockAt is where the block is in frame n, whether or not an event is active. It may pass the right edge, and
// then continues at X = 0: X < o.Width, but X+Width may be larger. Edges are even. Valid options are assumed.
func (o Options) BlockAt(n int64) Rect {
	r := o.Band()
	r.Width = o.grid().columnEdge(1)
	if x := o.offset(n); x > 0 {
		r.X = o.Width - x
	}
	return r
}

// offset is how far the board has rolled to the left at frame n, 0 <= offset < Width.
func (o Options) offset(n int64) int {
	if o.Width <= 0 {
		return 0
	}
	w := int64(o.Width)
	// Reduced before multiplying, so that it can't overflow.
	x := n % w * int64(o.Roll()) % w
	if x < 0 {
		x += w
	}
	return int(x)
}

// grid is the division of the board into blocks: lines top to bottom-1 in rows, the picture's width in columns.
type grid struct {
	width, top, bottom int
	rows, columns      int
}

// boardHeight is the board's height in lines.
func (o Options) boardHeight() int { return o.Height - o.bar().height - o.Height/modules }

func (o Options) grid() grid {
	g := grid{width: o.Width, top: o.Height / modules, bottom: o.Height - o.bar().height}
	h, rows := g.bottom-g.top, boardRows
	if o.BlockSide > 0 {
		rows = 2*(h/(2*o.BlockSide)) + 1 // the nearest odd number
	}
	g.rows = min(rows, max(3, h/minBlock))
	g.rows -= 1 - g.rows%2 // odd, so that there is a middle row
	// Square blocks as nearly as an even number of columns allows; even, so that the board has no seam.
	side := max(2, h/g.rows)
	if o.BlockSide > 0 {
		side = o.BlockSide
	}
	g.columns = max(2, min(2*((g.width+side)/(2*side)), g.width/minBlock&^1))
	return g
}

// rowEdge is the first line of row i. Edges between rows are even, for whole chroma samples.
func (g grid) rowEdge(i int) int {
	switch i {
	case 0:
		return g.top
	case g.rows:
		return g.bottom
	}
	return (g.top + (g.bottom-g.top)*i/g.rows + 1) &^ 1
}

// columnEdge is the first pixel of column i, even.
func (g grid) columnEdge(i int) int { return g.width * i / g.columns &^ 1 }

// bar is the layout of the text at the bottom of the picture, in pixels.
//
// Where the width allows it, a large timecode is beside two lines: frame number and channel, and UTC. Otherwise
// three lines are below each other: timecode and frame number, UTC, channel.
type bar struct {
	height  int // even
	font    int // size of the small text's em
	large   int // size of the timecode's em
	stacked bool
}

const (
	minFont = 10 // below 10 pixels an em the digits can't be distinguished after encoding
	// wideEms is the width of the layout side by side: 11 characters of a timecode at 1.6 em and 24 of a UTC time,
	// at 0.6 of the size each, and margins, which makes 27.4 em.
	wideEms = 28
	// wideEms3 is the same for the 12 characters of a timecode with three digits of frames.
	wideEms3 = 29
)

func (o Options) bar() bar {
	module, ems := o.Height/modules, wideEms
	if o.Rate.WideTimecode() {
		ems = wideEms3
	}
	if o.Width/ems < minFont {
		return bar{height: 3 * minFont, font: minFont, large: minFont, stacked: true}
	}
	// Two lines of 1.25 em in one module of height.
	f := max(minFont, min(module*2/5, o.Width/ems))
	h := max(2*minFont, min(module, f*5/2))
	return bar{height: h &^ 1, font: f, large: f * 8 / 5}
}
