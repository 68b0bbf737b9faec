package gaps

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/recorder"
)

// faulty is a stream with a gap, a late segment and one that is missing, in two runs.
func faulty(t *testing.T) *Report {
	t.Helper()
	w := write(t, "http://me:secret@example.com/live/index.m3u8")
	p := w.playlist(simURL, recorder.KindMedia, "")
	for i := range 2 {
		w.begin(simStart().Add(time.Duration(i) * time.Hour))
		s := sim{length: 30 * second, window: 5, load: hold(10*second, 4*second), fetch: func(e exchange) []exchange {
			switch e.msn {
			case 103:
				e.ended += 5 * second
			case 104:
				e.status, e.err, e.body = 404, "fetch it: 404 Not Found", ""
			}
			return []exchange{e}
		}}
		s.record(w, p)
	}
	return found(t, w, Options{})
}

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if update := flag.Lookup("update"); update != nil && update.Value.String() == "true" {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what was written:\n%s", name, got)
	}
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the files of testdata")
	os.Exit(m.Run())
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := faulty(t).WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "faulty.txt", b.Bytes())
	if want := "index.m3u8, #9 15:04:13.005 -> #11 15:04:19.000, 5.995 s"; !strings.Contains(b.String(), want) {
		t.Errorf("the table has no line with %q", want)
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := faulty(t).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "faulty.json", b.Bytes())
	if !json.Valid(b.Bytes()) || bytes.Contains(b.Bytes(), []byte("secret")) {
		t.Error("it is no JSON, or names a password")
	}
	b.Reset()
	if err := (&Report{}).WriteJSON(&b); err != nil || bytes.Contains(b.Bytes(), []byte(": null,\n  \"findings")) {
		t.Errorf("an empty report is %s, %v", &b, err)
	}
}

func TestPlot(t *testing.T) {
	r := faulty(t)
	var b bytes.Buffer
	if err := r.Plot(&b, "png"); err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	dark := 0
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			if red, green, blue, _ := picture.At(x, y).RGBA(); red > 2*green && red > 2*blue {
				dark++
			}
		}
	}
	if picture.Bounds().Dx() < 800 || dark < 100 {
		t.Errorf("the picture is %v, with %d red points", picture.Bounds(), dark)
	}
	if err := r.Plot(&b, "svg"); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for d := xml.NewDecoder(&b); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"index.m3u8", "Intervals", "threshold", ">gap<", ">late<", ">missing<"} {
		if !strings.Contains(text, want) {
			t.Errorf("the drawing has no %q", want)
		}
	}
	if err := r.Plot(io.Discard, "gif"); err == nil || !strings.Contains(err.Error(), "svg or png") {
		t.Errorf("another format: %v", err)
	}
	for _, format := range []string{"svg", "png"} {
		if err := (&Report{}).Plot(io.Discard, format); err != nil {
			t.Errorf("an empty report: %v", err)
		}
		if err := r.Plot(full{}, format); !errors.Is(err, errFull) {
			t.Errorf("a writer that fails: %v", err)
		}
	}
	if err := r.WriteTable(full{}); !errors.Is(err, errFull) {
		t.Errorf("a writer that fails: %v", err)
	}
	if err := r.WriteJSON(full{}); !errors.Is(err, errFull) {
		t.Errorf("a writer that fails: %v", err)
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }
