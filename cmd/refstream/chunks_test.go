package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The chunks of a session are listed, and written under their own names; nothing that is there is written over.
func TestChunks(t *testing.T) {
	t.Parallel()
	www := t.TempDir()
	files := map[string]string{
		"a.m3u8":   "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\ns/one.ts\n#EXTINF:2,\ns/two.ts\n#EXT-X-ENDLIST\n",
		"s/one.ts": "first", "s/two.ts": "second one",
	}
	for name, text := range files {
		name = filepath.Join(www, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.FileServer(http.Dir(www)))
	defer server.Close()
	dir := t.TempDir()
	must(t, "record", server.URL+"/a.m3u8", "-o", dir, "-s", "demo")

	lines := strings.Split(strings.TrimSpace(must(t, "chunks", "demo", "-f", dir)), "\n")
	if len(lines) != 2 {
		t.Fatalf("%q", lines)
	}
	for i, want := range []string{"Z segment 7 5 one.ts", "Z segment 8 10 two.ts"} {
		if line := strings.Join(strings.Fields(lines[i]), " "); !strings.HasSuffix(line, want) {
			t.Errorf("line %d is %q, want its end to be %q", i, line, want)
		}
	}
	out := filepath.Join(dir, "all", "chunks")
	for range 2 { // what is there and the same is no obstacle
		if said := must(t, "chunks", "demo", "-f", dir, "--out", out); said != "2 chunks, 15 B in "+out+"\n" {
			t.Errorf("%q", said)
		}
	}
	for _, name := range []string{"one.ts", "two.ts"} {
		if b, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(b) != files["s/"+name] {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	some := filepath.Join(dir, "some")
	must(t, "chunks", "demo", "t*.ts", "-f", dir, "-o", some)
	if list, err := filepath.Glob(filepath.Join(some, "*")); err != nil || len(list) != 1 || filepath.Base(list[0]) != "two.ts" {
		t.Errorf("%v, %v", list, err)
	}
	if err := os.WriteFile(filepath.Join(some, "one.ts"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"another file is there: give an empty folder": {"demo", "-o", some},
		`nothing is named "*.mp4"`:                    {"demo", "*.mp4"},
		`"[" is no pattern`:                           {"demo", "["},
		"no such session":                             {"monday"},
		"give the name of one session":                {},
	} {
		if _, errs, code := refstream(t, append([]string{"chunks", "-f", dir}, args...)...); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%q: exit code %d: %s", args, code, errs)
		}
	}
}
