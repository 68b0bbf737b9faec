package processgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// roleEnv says what this test's program does as a child.
const roleEnv = "REFSTREAM_TEST_ROLE"

// TestMain runs the tests, or is a child: a parent of another one, or one that ends when its input does.
func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "parent":
		cmd := role("child")
		cmd.Stdout = os.Stdout
		in, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		defer in.Close()
		_ = cmd.Wait()
	case "child":
		fmt.Println("child")
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
}

func role(name string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+name)
	return cmd
}

// Kill ends the child and its child, which has the other end of the pipe too: the pipe ends when both are gone.
func TestKill(t *testing.T) {
	cmd := role("parent")
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout = in
	g := New(cmd)
	err = g.Start()
	in.Close()
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); err != nil || line != "child\n" {
		t.Errorf("%q, %v", line, err)
	}
	if err := g.Kill(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the child ended well")
	}
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
	_ = g.Kill() // that it may be called again is all that is promised
}

// A program that is not there gives the error of exec.Cmd.
func TestStartFails(t *testing.T) {
	if err := New(exec.Command("no-such-program")).Start(); !errors.Is(err, exec.ErrNotFound) {
		t.Error(err)
	}
}
