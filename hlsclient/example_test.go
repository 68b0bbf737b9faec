package hlsclient_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/refstream/refstream/hlsclient"
)

func ExampleClient() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{
		"index.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\na.ts\n#EXTINF:1.5,\nb.ts\n" +
			"#EXT-X-GAP\n#EXTINF:2,\nc.ts\n#EXT-X-ENDLIST\n",
		"a.ts": "first", "b.ts": "second",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			fmt.Println(err)
			return
		}
	}
	c := hlsclient.Client{Now: time.Now}
	err = c.Run(context.Background(), filepath.Join(dir, "index.m3u8"), hlsclient.Handler{
		Version: func(v *hlsclient.Version) error {
			fmt.Println("playlist of", len(v.Playlist.Media.Segments), "segments")
			return nil
		},
		Segment: func(s *hlsclient.Segment) error {
			if s.Err != nil {
				fmt.Printf("segment %d: %v\n", s.MSN, s.Err)
				return nil
			}
			fmt.Printf("segment %d: %v s, %s\n", s.MSN, s.Duration, s.Data)
			return nil
		},
	})
	fmt.Println(err)
	// Output:
	// playlist of 3 segments
	// segment 7: 2 s, first
	// segment 8: 1.5 s, second
	// segment 9: segment is a gap
	// <nil>
}
