package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout bounds the question: a server that takes longer is not well.
const healthTimeout = 3 * time.Second

func newHealth(stdout io.Writer) *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use:     "health",
		Short:   "Ask a running server whether it is ready; fails if it is not",
		Example: "  refstream health --addr 127.0.0.1:8080",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(addr); err != nil {
				return fmt.Errorf("--addr: %q is not an address such as 127.0.0.1:8080", addr)
			}
			req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, "http://"+addr+"/readyz", nil)
			if err != nil {
				return fmt.Errorf("--addr: %q is not an address such as 127.0.0.1:8080", addr)
			}
			res, err := (&http.Client{Timeout: healthTimeout}).Do(req)
			if err != nil {
				return fmt.Errorf("ask %s: %w", addr, err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
			if err != nil {
				return fmt.Errorf("read answer of %s: %w", addr, err)
			}
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("%s is not ready: %s", addr, bytes.TrimSpace(body))
			}
			_, err = fmt.Fprintln(stdout, "ready")
			return err
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8080", "the server's address")
	return cmd
}
