package analyzer_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/refstream/refstream/analyzer"
)

// Run reads any stream; here it is a file that x264 put time stamps of its buffer model into.
func ExampleRun() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "stream.ts")
	encode := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=rate=25:duration=0.12", "-c:v", "libx264",
		"-bf", "0", "-x264-params", "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:pic-struct=1", "-muxdelay", "0", path)
	if err := encode.Run(); err != nil {
		fmt.Println(err)
		return
	}

	err = analyzer.Run(context.Background(), path, analyzer.Options{Now: time.Now}, func(r analyzer.Record) error {
		fmt.Println(*r.StreamTime, r.Source, r.Unit, string(r.Extra))
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// 0 sei.pic_timing 0 {"cpb_removal_delay":0,"dpb_output_delay":0,"pic_struct":0,"timestamps":[{"clock_timestamp_flag":false}]}
	// 0.04 sei.pic_timing 1 {"cpb_removal_delay":2,"dpb_output_delay":0,"pic_struct":0,"timestamps":[{"clock_timestamp_flag":false}]}
	// 0.08 sei.pic_timing 2 {"cpb_removal_delay":4,"dpb_output_delay":0,"pic_struct":0,"timestamps":[{"clock_timestamp_flag":false}]}
}
