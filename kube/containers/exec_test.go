//go:build linux

package containers_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"kubelab/kube/containers"
	"kubelab/kube/containers/streams"

	"github.com/google/go-cmp/cmp"
)

func TestExecRunsInTheContainerAndReturnsTheExitCode(t *testing.T) {
	p := newPod(t)
	c := busyboxContainer("a", "echo $$ > /pid; sleep 1000")
	c.Env, c.Cwd = []string{"COLOUR=blue"}, "/srv/new"
	p.run(c)
	for _, test := range []struct {
		exec        containers.ExecConfig
		stdin       string
		out, errOut string
		code        int
	}{
		{exec: containers.ExecConfig{Args: []string{"sh", "-c", "echo $COLOUR; pwd; exit 9"}}, out: "blue\n/srv/new\n", code: 9},
		{exec: containers.ExecConfig{Args: []string{"cat"}}, stdin: "typed", out: "typed"},
		{exec: containers.ExecConfig{Args: []string{"sh", "-c", "echo oops >&2"}}, errOut: "oops\n"},
		{exec: containers.ExecConfig{Args: []string{"sh", "-c", "echo $COLOUR"}, Env: []string{"COLOUR=red"}}, out: "red\n"},
		{exec: containers.ExecConfig{Args: []string{"sh", "-c", "id -u; id -G; pwd"}, User: "alice", Cwd: "/tmp"}, out: "1000\n1000 50\n/tmp\n"},
		{exec: containers.ExecConfig{Args: []string{"hostname"}}, out: "web-0\n"},
		{exec: containers.ExecConfig{Args: []string{"sh", "-c", "echo > /dev/stdout"}, User: "1000"}, out: "\n"},
	} {
		var out, errOut bytes.Buffer
		stdio := streams.Stdio{Stdin: strings.NewReader(test.stdin), Stdout: &out, Stderr: &errOut}
		code, err := p.Exec(p.ctx, "a", test.exec, stdio, nil)
		if err != nil || code != test.code || out.String() != test.out || errOut.String() != test.errOut {
			t.Errorf("%q: code %d, stdout %q, stderr %q, error %v", test.exec.Args, code, &out, &errOut, err)
		}
	}
}

func TestExecWithATerminalHasItsSizeAndFollowsIt(t *testing.T) {
	p := newPod(t)
	p.run(busyboxContainer("a", "sleep 1000"))
	in, typed := io.Pipe()
	out := newScreen()
	sizes := make(chan streams.Size, 1)
	sizes <- streams.Size{Width: 100, Height: 40}
	code := make(chan int, 1)
	go func() {
		c := containers.ExecConfig{Args: []string{"sh", "-c", "trap 'stty size' WINCH; echo ready $TERM; until read line; do :; done; echo got $line; while :; do sleep 0.01; done"}, Terminal: true}
		got, err := p.Exec(p.ctx, "a", c, streams.Stdio{Stdin: in, Stdout: out}, sizes)
		if err != nil {
			t.Error(err)
		}
		code <- got
	}()
	out.waitFor(t, "ready")
	io.WriteString(typed, "hello\n")
	out.waitFor(t, "got hello")
	sizes <- streams.Size{Width: 80, Height: 24}
	out.waitFor(t, "24 80")
	io.WriteString(typed, "\x03") // control-C, which the terminal turns into a signal
	if got := <-code; got != 130 {
		t.Errorf("exit code after control-C: %d", got)
	}
}

func TestExecEndsWithItsContext(t *testing.T) {
	p := newPod(t)
	p.run(busyboxContainer("a", "sleep 1000"))
	ctx, cancel := context.WithCancelCause(p.ctx)
	out := newScreen()
	ended := make(chan error, 1)
	go func() {
		_, err := p.Exec(ctx, "a", containers.ExecConfig{Args: []string{"sh", "-c", "echo up; exec sleep 2000"}}, streams.Stdio{Stdout: out}, nil)
		ended <- err
	}()
	out.waitFor(t, "up")
	tooLong := errors.New("took too long")
	cancel(tooLong)
	if err := <-ended; !errors.Is(err, tooLong) {
		t.Errorf("error: %v", err)
	}
	waitFor(t, "the command to be killed", func() bool { return !strings.Contains(p.ps("a"), "sleep 2000") })
}

// ps lists the processes in a container.
func (p *pod) ps(id string) string {
	p.t.Helper()
	var out bytes.Buffer
	if _, err := p.Exec(p.ctx, id, containers.ExecConfig{Args: []string{"ps", "-o", "pid,args"}}, streams.Stdio{Stdout: &out}, nil); err != nil {
		p.t.Fatal(err)
	}
	return out.String()
}

func TestExecSaysWhatIsWrong(t *testing.T) {
	p := newPod(t)
	p.run(busyboxContainer("up", "sleep 1000"))
	p.runToEnd(busyboxContainer("down", "exit 0"))
	for _, test := range []struct {
		id   string
		args []string
		want string
	}{
		{"up", []string{"nope"}, `exec in container up: exec: "nope": executable file not found in $PATH`},
		{"up", nil, "no command given"},
		{"down", []string{"true"}, "exec in container down, which is exited"},
		{"none", []string{"true"}, "no such container"},
	} {
		_, err := p.Exec(p.ctx, test.id, containers.ExecConfig{Args: test.args}, streams.Stdio{}, nil)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %q does not say %q", err, test.want)
		}
	}
}

func TestAttachJoinsStdinAndOutputOfTheCommand(t *testing.T) {
	p := newPod(t)
	c := busyboxContainer("a", `while read line; do echo "out $line"; echo "err $line" >&2; done; exit 4`)
	c.Stdin, c.StdinOnce = true, true
	p.run(c)
	in, typed := io.Pipe()
	out, errOut, onlooker := newScreen(), newScreen(), newScreen()
	ended := make(chan error, 2)
	go func() { ended <- p.Attach(p.ctx, "a", streams.Stdio{Stdout: onlooker}, nil) }()
	go func() { ended <- p.Attach(p.ctx, "a", streams.Stdio{Stdin: in, Stdout: out, Stderr: errOut}, nil) }()
	io.WriteString(typed, "one\n")
	errOut.waitFor(t, "err one")
	waitFor(t, "both to be attached", func() bool {
		io.WriteString(typed, "again\n")
		return onlooker.has("out again") && out.has("out again")
	})
	typed.Close() // the only client with a stdin goes, so the command reads its end
	if status := p.exit("a"); status.ExitCode != 4 {
		t.Errorf("exit: %+v", status)
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Errorf("attach: %v", err)
		}
	}
	if log := p.output("a"); log[0] != "stdout F out one" && log[0] != "stderr F err one" {
		t.Errorf("what was attached to is missing in the log: %q", log)
	}
}

func TestAttachToATerminalFollowsItsSize(t *testing.T) {
	p := newPod(t)
	c := busyboxContainer("a", "trap 'stty size' WINCH; echo ready; until read line; do :; done; echo got $line; while :; do sleep 0.01; done")
	c.Terminal, c.Stdin = true, true
	c.LogPath = p.logPath("a")
	if err := p.Create(p.ctx, c); err != nil {
		t.Fatal(err)
	}
	in, typed := io.Pipe()
	out, sizes, ended := newScreen(), make(chan streams.Size), make(chan error, 1)
	ctx, cancel := context.WithCancel(p.ctx)
	go func() { ended <- p.Attach(ctx, "a", streams.Stdio{Stdin: in, Stdout: out}, sizes) }()
	sizes <- streams.Size{Width: 90, Height: 30} // taken once attached
	if err := p.Start(p.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	out.waitFor(t, "ready")
	io.WriteString(typed, "hello\n")
	out.waitFor(t, "got hello")
	sizes <- streams.Size{Width: 81, Height: 25}
	out.waitFor(t, "25 81")
	cancel() // detach: the command goes on
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("attach: %v", err)
	}
	if status, err := p.Status(p.ctx, "a"); err != nil || status.State != containers.Running {
		t.Errorf("after detaching: %+v, %v", status, err)
	}
	p.Signal(p.ctx, "a", 9)
	p.exit("a")
	if diff := cmp.Diff("stdout F ready\r", p.output("a")[0]); diff != "" {
		t.Error(diff)
	}
}
