package recorder

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// processOpen is what the process of TestUnreadable opens.
const processOpen = "RECORDER_TEST_OPEN"

// TestOpeningProcess opens a session where it is the process of TestUnreadable.
func TestOpeningProcess(t *testing.T) {
	if dir := os.Getenv(processOpen); dir != "" {
		_, err := Open(t.Context(), dir)
		fmt.Printf("%v %v\n", errors.Is(err, os.ErrPermission), err)
	}
}

// TestUnreadable opens, as a user who may not, the sessions of another.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	binary := os.Args[0]
	attributes := &syscall.SysProcAttr{}
	if os.Getuid() == 0 { // who may read everything
		binary = filepath.Join(t.TempDir(), "test")
		data := must[[]byte](t)(os.ReadFile(os.Args[0]))
		if err := os.WriteFile(binary, data, 0o755); err != nil {
			t.Fatal(err)
		}
		attributes.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		for _, d := range []string{filepath.Dir(filepath.Dir(dir)), filepath.Dir(filepath.Dir(binary))} {
			if err := os.Chmod(d, 0o755); err != nil { // of the tests' own temporary folders
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{dir, filepath.Join(dir, databaseFile)} {
		if err := os.Chmod(name, 0); err != nil {
			t.Fatal(err)
		}
		c := exec.CommandContext(t.Context(), binary, "-test.run=^TestOpeningProcess$")
		c.Env, c.Dir, c.SysProcAttr = append(os.Environ(), processOpen+"="+dir), "/", attributes
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "true open session "+dir) || !strings.Contains(string(out), "make it readable") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		t.Logf("%s", out)
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
