package main

import (
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/scenario"
)

func newFrame(stdout io.Writer) *cobra.Command {
	var o streamFlags
	var out string
	cmd := &cobra.Command{
		Use:   "frame N",
		Short: "Write the reference picture of a frame as PNG",
		Long: `Write the picture of frame N as PNG, exactly as it goes into the encoder of a stream with the same flags. Events that
somebody triggered by hand are not known here: see /frames/{n}.png of a running server.`,
		Example: "  refstream frame 600 --seed 7 --out frame.png",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("give one frame number: refstream frame 600 --out frame.png")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			n, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || n < 0 || n > generator.MaxFrame {
				return fmt.Errorf("frame number %q is not a whole number from 0 to %d", args[0], int64(generator.MaxFrame))
			}
			c, err := o.channelInfo(time.Now())
			if err != nil {
				return err
			}
			shows, err := scenario.New(c)
			if err != nil {
				return err
			}
			renderer, err := generator.NewRenderer(shows.Picture)
			if err != nil {
				return err
			}
			_, event := shows.At(n)
			picture, err := renderer.Image(n, generator.Look{Event: event})
			if err != nil {
				return fmt.Errorf("render frame %d: %w", n, err)
			}
			if f, ok := stdout.(*os.File); ok && out == "-" && term.IsTerminal(int(f.Fd())) {
				return errors.New("a picture is no text for a terminal: name a file, such as --out frame.png")
			}
			if out == "-" {
				return png.Encode(stdout, picture)
			}
			return writeFile(out, func(w io.Writer) error { return png.Encode(w, picture) })
		},
	}
	o.register(cmd.Flags(), offlineEpoch, "UTC of frame 0, or now", offlineSeed, "seed of the events, 0 to 2^53-1, or random")
	cmd.Flags().StringVar(&out, "out", "-", "the PNG file; - is standard output")
	return cmd
}
