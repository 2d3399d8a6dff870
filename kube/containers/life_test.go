//go:build linux

package containers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kubelab/kube/containers"
	"kubelab/kube/containers/streams"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var ignoreTimes = cmpopts.IgnoreFields(containers.Status{}, "CreatedAt", "StartedAt", "FinishedAt")

func TestAContainersExitCodeIsItsCommands(t *testing.T) {
	p := newPod(t)
	for script, want := range map[string]containers.Status{
		"exit 0":        {ExitCode: 0, Reason: containers.ReasonCompleted},
		"exit 7":        {ExitCode: 7, Reason: containers.ReasonError},
		"exec no-such":  {ExitCode: 127, Reason: containers.ReasonError},
		"kill -TERM $$": {ExitCode: 0, Reason: containers.ReasonCompleted}, // process 1 of a PID namespace ignores it
	} {
		id := strings.Map(func(r rune) rune {
			if r == ' ' || r == '$' {
				return '_'
			}
			return r
		}, script)
		_, got := p.runToEnd(busyboxContainer(id, script))
		want.ID, want.State = id, containers.Exited
		if diff := cmp.Diff(want, got, ignoreTimes); diff != "" {
			t.Errorf("%q (-want +got):\n%s", script, diff)
		}
		if got.CreatedAt.After(got.StartedAt) || got.StartedAt.After(got.FinishedAt) || got.CreatedAt.IsZero() {
			t.Errorf("%q: times out of order: %+v", script, got)
		}
	}
}

func TestACreatedContainerHasNotBegun(t *testing.T) {
	p := newPod(t)
	c := busyboxContainer("a", "echo begun")
	c.LogPath = p.logPath("a")
	if err := p.Create(p.ctx, c); err != nil {
		t.Fatal(err)
	}
	status, err := p.Status(p.ctx, "a")
	if err != nil || status.State != containers.Created || status.PID == 0 || !status.StartedAt.IsZero() {
		t.Errorf("status after create: %+v, %v", status, err)
	}
	if out := p.output("a"); out != nil {
		t.Errorf("output before start: %q", out)
	}
	if err := p.Start(p.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	p.exit("a")
	if diff := cmp.Diff([]string{"stdout F begun"}, p.output("a")); diff != "" {
		t.Error(diff)
	}
	if err := p.Start(p.ctx, "a"); !errors.Is(err, containers.ErrNotRunning) {
		t.Errorf("second start: %v", err)
	}
}

func TestSignalsReachTheCommand(t *testing.T) {
	p := newPod(t)
	p.run(busyboxContainer("polite", `trap "exit 3" TERM; echo ready; while :; do sleep 0.01; done`))
	p.run(busyboxContainer("stubborn", "sleep 1000"))
	waitFor(t, "the trap", func() bool { return len(p.output("polite")) == 1 })
	for id, sig := range map[string]syscall.Signal{"polite": syscall.SIGTERM, "stubborn": syscall.SIGKILL} {
		if err := p.Signal(p.ctx, id, sig); err != nil {
			t.Fatal(err)
		}
	}
	if status := p.exit("polite"); status.ExitCode != 3 {
		t.Errorf("after SIGTERM: %+v", status)
	}
	if status := p.exit("stubborn"); status.ExitCode != 137 || status.Reason != containers.ReasonError {
		t.Errorf("after SIGKILL: %+v", status)
	}
	if err := p.Signal(p.ctx, "polite", syscall.SIGTERM); err != nil {
		t.Errorf("signal to one that has exited: %v", err)
	}
}

func TestACommandThatCannotBeRunIsAnErrorOfItsStartInTheKernelsWords(t *testing.T) {
	p := newPod(t)
	for want, change := range map[string]func(*containers.Config){
		`exec: "nope": executable file not found in $PATH`:           func(c *containers.Config) { c.Args = []string{"nope", "--help"} },
		`exec: "/no/such": stat /no/such: no such file or directory`: func(c *containers.Config) { c.Args = []string{"/no/such"} },
		`exec: "/etc/passwd/x": stat /etc/passwd/x: not a directory`: func(c *containers.Config) { c.Args = []string{"/etc/passwd/x"} },
		`exec: "/closed": permission denied`:                         func(c *containers.Config) { c.Args = []string{"/closed"} },
		`exec: "/tmp": is a directory`:                               func(c *containers.Config) { c.Args = []string{"/tmp"} },
		`not a directory`:                                            func(c *containers.Config) { c.Cwd = "/etc/passwd" },
		`no-such-source`:                                             func(c *containers.Config) { c.Mounts = []containers.Mount{{Source: "/no-such-source", Target: "/x"}} },
		`exec /text: exec format error`:                              func(c *containers.Config) { c.Args = []string{"/text"} },
		`exec /script: no such file or directory`:                    func(c *containers.Config) { c.Args = []string{"/script"} },
		`exec /bin/true: argument list too long`:                     func(c *containers.Config) { c.Env = []string{"BIG=" + strings.Repeat("x", 200_000)} },
	} {
		c := busyboxContainer("a", "true")
		c.Args, c.LogPath = []string{"true"}, p.logPath("a")
		c.Layers = []string{layer, evilLayer(t, map[string]string{"text": "no program", "script": "#!/no/such/interpreter\n", "closed": "#!/bin/sh\n"}, nil)}
		if err := os.Chmod(filepath.Join(c.Layers[1], "closed"), 0o644); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if err := p.Create(p.ctx, c); err != nil {
			t.Fatalf("%s: create: %v", want, err)
		}
		err := p.Start(p.ctx, "a")
		status := p.exit("a")
		if status.ExitCode != containers.StartErrorCode || status.Reason != containers.ReasonStartError || !strings.Contains(status.Message, want) {
			t.Errorf("%q: start says %v, status %+v", want, err, status)
		}
		if err := p.Delete(p.ctx, "a"); err != nil {
			t.Fatal(err)
		}
		checkNothingLeft(t, p, "a")
	}
}

func TestAProgramThatEndsWithTheSameCodeHasBegun(t *testing.T) {
	p := newPod(t)
	if _, status := p.runToEnd(busyboxContainer("a", "echo exec /x: lie >&2; exit 255")); status.ExitCode != 255 || status.Reason != containers.ReasonError {
		t.Errorf("%+v", status)
	}
}

func TestAContainerThatHangsBeforeItBeginsIsKilledWhenItsTimeIsOver(t *testing.T) {
	p := newPod(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	c := busyboxContainer("a", "true")
	c.Patience = 2 * time.Second
	c.Mounts = []containers.Mount{{Source: pipe, Target: "/etc/passwd"}} // libcontainer looks for a home in it
	err := p.begin(c)
	if status := p.exit("a"); status.Reason != containers.ReasonStartError || !strings.Contains(status.Message, "could not be made within 2s") {
		t.Errorf("start says %v, status %+v", err, status)
	}
	if err := p.Delete(p.ctx, "a"); err != nil {
		t.Error(err)
	}
	checkNothingLeft(t, p, "a")
}

func TestAccountsThatAreNoFileOfTheImageAreRefused(t *testing.T) {
	p := newPod(t)
	for want, make := range map[string]func(path string) error{
		"/etc/passwd is not a file but a pipe":      func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"/etc/passwd is not a file but a device":    func(path string) error { return syscall.Mknod(path, syscall.S_IFCHR|0o644, 1<<8|5) }, // /dev/zero
		"/etc/passwd is not a file but a directory": func(path string) error { return os.Mkdir(path, 0o755) },
		"are not read": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, 1<<40))
		},
	} {
		image := evilLayer(t, map[string]string{"etc/issue": ""}, nil)
		if err := make(filepath.Join(image, "etc", "passwd")); err != nil {
			t.Fatal(err)
		}
		c := busyboxContainer("a", "true")
		c.Layers = []string{layer, image}
		if err := p.Create(p.ctx, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
		checkNothingLeft(t, p, "a")
	}
}

func TestBadConfigsAreRefusedWithAReason(t *testing.T) {
	p := newPod(t)
	for want, change := range map[string]func(*containers.Config){
		`container ID "../a"`:              func(c *containers.Config) { c.ID = "../a" },
		"a command and at least one image": func(c *containers.Config) { c.Args = nil },
		"mount the root file system":       func(c *containers.Config) { c.Layers = []string{"/no/such/layer"} },
		`user "bob" in the image`:          func(c *containers.Config) { c.User = "bob" },
		"no such file or directory":        func(c *containers.Config) { c.LogPath = "/no/such/dir/0.log" },
	} {
		c := busyboxContainer("a", "exit 0")
		change(&c)
		if err := p.Create(p.ctx, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
		checkNothingLeft(t, p, "a")
	}
}

func TestDeletionLeavesNoMountCgroupOrProcess(t *testing.T) {
	p := newPod(t)
	p.run(busyboxContainer("a", "touch /written; sleep 1000 & sleep 1000"))
	status, err := p.Status(p.ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if len(mountsBelow(p.Sandbox.RootDir("a"))) != 1 {
		t.Error("a running container's root file system is not mounted")
	}
	if err := p.Delete(p.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", status.PID)); err == nil {
		t.Error("the command still runs")
	}
	checkNothingLeft(t, p, "a")
	if err := p.Delete(p.ctx, "a"); err != nil {
		t.Errorf("second deletion: %v", err)
	}
	if _, err := os.Stat(filepath.Join(layer, "written")); err == nil {
		t.Error("the container wrote to the image's layer")
	}
}

func TestWhatIsCreatedManyTimesDoesNotAddUp(t *testing.T) {
	p := newPod(t)
	cycle := func() {
		p.run(busyboxContainer("a", "sleep 1000"))
		for _, terminal := range []bool{true, false} {
			c := containers.ExecConfig{Args: []string{"true"}, Terminal: terminal}
			if _, err := p.Exec(p.ctx, "a", c, streams.Stdio{Stdout: io.Discard}, nil); err != nil {
				t.Fatal(err)
			}
		}
		ctx, detach := context.WithCancel(p.ctx)
		detach()
		p.Attach(ctx, "a", streams.Stdio{Stdout: io.Discard}, nil)
		if err := p.Delete(p.ctx, "a"); err != nil {
			t.Fatal(err)
		}
		c := busyboxContainer("b", "")
		c.Args = []string{"nope"}
		p.Create(p.ctx, c)
	}
	shim := processesOf(p.Sandbox.Dir)[0]
	open := func() int {
		files, _ := os.ReadDir("/proc/" + shim + "/fd")
		return len(files)
	}
	cycle()
	before := open()
	for range 5 {
		cycle()
	}
	waitFor(t, "closed files", func() bool { return open() <= before })
}

func TestADeletionWaitsForTheCreationThatNobodyWaitsForAnyMore(t *testing.T) {
	p := newPod(t)
	ctx, giveUp := context.WithCancel(p.ctx)
	c := busyboxContainer("a", "sleep 1000")
	created := make(chan error)
	go func() { created <- p.Create(ctx, c) }()
	waitFor(t, "the creation to begin", func() bool { return len(mountsBelow(p.Sandbox.ContainerDir("a"))) > 0 })
	giveUp()
	if err := <-created; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := p.Delete(p.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	checkNothingLeft(t, p, "a")
}

func checkNothingLeft(t *testing.T, p *pod, id string) {
	t.Helper()
	if _, err := p.Status(p.ctx, id); !errors.Is(err, containers.ErrNotFound) {
		t.Errorf("status of what should be gone: %v", err)
	}
	if mounts := mountsBelow(p.Sandbox.ContainerDir(id)); len(mounts) > 0 {
		t.Errorf("mounts left: %v", mounts)
	}
	if _, err := os.Stat(p.Sandbox.ContainerDir(id)); err == nil {
		t.Error("files left")
	}
	cgroups, _ := filepath.Glob("/sys/fs/cgroup/*" + p.Sandbox.CgroupPath(id))
	if _, err := os.Stat("/sys/fs/cgroup" + p.Sandbox.CgroupPath(id)); err == nil || len(cgroups) > 0 {
		t.Errorf("cgroup left: %v", cgroups)
	}
}

func TestExitsTellsThePastAndThenWhatHappens(t *testing.T) {
	p := newPod(t)
	p.runToEnd(busyboxContainer("past", "exit 1"))
	p.run(busyboxContainer("future", "sleep 1000"))
	ctx, cancel := context.WithCancel(p.ctx)
	exits, err := p.Exits(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if first := <-exits; first.ID != "past" || first.ExitCode != 1 {
		t.Errorf("first exit: %+v", first)
	}
	if err := p.Signal(p.ctx, "future", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if second := <-exits; second.ID != "future" || second.ExitCode != 137 {
		t.Errorf("second exit: %+v", second)
	}
	cancel()
	if status, more := <-exits; more {
		t.Errorf("after the end: %+v", status)
	}
}
