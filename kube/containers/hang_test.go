//go:build linux

package containers_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kubelab/kube/containers"
	"kubelab/kube/containers/streams"
)

func TestExecDoesNotReadWhatTheContainerPutInThePlaceOfItsAccounts(t *testing.T) {
	p := newPod(t)
	p.run(busyboxContainer("a", "busybox rm /etc/passwd; busybox mkfifo /etc/passwd; touch /done; sleep 1000"))
	waitFor(t, "the pipe", func() bool {
		_, err := os.Stat(filepath.Join(p.Sandbox.UpperDir("a"), "done"))
		return err == nil
	})
	if home, err := p.home("a"); home != "/\n" || err != nil {
		t.Errorf("home %q: %v", home, err)
	}
}

func TestACommandsHomeIsThatOfItsUserUnlessTheContainerSetsOne(t *testing.T) {
	p := newPod(t)
	for want, change := range map[string]func(*containers.Config){
		"/root\n":       func(*containers.Config) {},
		"/home/alice\n": func(c *containers.Config) { c.User = "1000" },
		"/\n":           func(c *containers.Config) { c.User = "4711" },
		"/set\n":        func(c *containers.Config) { c.Env = []string{"HOME=/set"} },
		"/mounted\n": func(c *containers.Config) {
			c.Mounts = []containers.Mount{{Source: filepath.Join(etc(t), "passwd"), Target: "/etc/passwd"}}
		},
	} {
		c := busyboxContainer("a", "echo $HOME; sleep 1000")
		change(&c)
		p.run(c)
		waitFor(t, "output", func() bool { return len(p.output("a")) > 0 })
		if first := p.output("a")[0]; first != "stdout F "+strings.TrimSpace(want) {
			t.Errorf("the first command's: %q, want %q", first, want)
		}
		if further, err := p.home("a"); further != want || err != nil {
			t.Errorf("a further command's: %q, %v, want %q", further, err, want)
		}
		if err := p.Delete(p.ctx, "a"); err != nil {
			t.Fatal(err)
		}
		os.Remove(p.logPath("a"))
	}
}

// home is that of a further command.
func (p *pod) home(id string) (string, error) {
	ctx, cancel := context.WithTimeout(p.ctx, 20*time.Second)
	defer cancel()
	var out bytes.Buffer
	_, err := p.Exec(ctx, id, containers.ExecConfig{Args: []string{"sh", "-c", "echo $HOME"}}, streams.Stdio{Stdout: &out}, nil)
	return out.String(), err
}

// etc is a directory with users in it.
func etc(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "passwd"), []byte("root:x:0:0:root:/mounted:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// hangsInExec is a container in which a further command does not come to its beginning: its users are in a volume, and are a pipe.
func hangsInExec(t *testing.T, p *pod, patience time.Duration) {
	t.Helper()
	volume := etc(t)
	c := busyboxContainer("a", "sleep 1000")
	c.Patience, c.Mounts = patience, []containers.Mount{{Source: volume, Target: "/etc"}}
	p.run(c)
	users := filepath.Join(volume, "passwd")
	if err := os.Remove(users); err != nil {
		t.Fatal(err)
	} else if err := syscall.Mkfifo(users, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestACommandThatHangsBeforeItBeginsIsKilledWhenItsTimeIsOver(t *testing.T) {
	p := newPod(t)
	hangsInExec(t, p, time.Second)
	for _, terminal := range []bool{true, false} {
		ctx, cancel := context.WithTimeout(p.ctx, 20*time.Second)
		defer cancel()
		_, err := p.Exec(ctx, "a", containers.ExecConfig{Args: []string{"true"}, Terminal: terminal}, streams.Stdio{}, nil)
		if err == nil || !strings.Contains(err.Error(), "could not be made within 1s") {
			t.Errorf("terminal %v: %v", terminal, err)
		}
	}
	if status, err := p.Status(p.ctx, "a"); err != nil || status.State != containers.Running {
		t.Errorf("the container is gone with it: %+v, %v", status, err)
	}
}

func TestACommandThatHangsBeforeItBeginsGoesWithItsClient(t *testing.T) {
	p := newPod(t)
	hangsInExec(t, p, time.Hour)
	ctx, cancel := context.WithTimeout(p.ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := p.Exec(ctx, "a", containers.ExecConfig{Args: []string{"true"}}, streams.Stdio{}, nil); err == nil {
		t.Fatal("it came through")
	}
	status, err := p.Status(p.ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the command to be killed", func() bool {
		left := containers.CgroupProcesses(p.Sandbox.CgroupPath("a"))
		return len(left) == 1 && left[0] == status.PID
	})
}

func TestACommandThatHangsBeforeItBeginsKeepsNobodyFromEndingTheContainer(t *testing.T) {
	p := newPod(t)
	hangsInExec(t, p, time.Hour)
	for range 2 {
		go p.Exec(p.ctx, "a", containers.ExecConfig{Args: []string{"true"}}, streams.Stdio{}, nil)
	}
	waitFor(t, "the command to hang", func() bool { return len(containers.CgroupProcesses(p.Sandbox.CgroupPath("a"))) > 1 })
	ctx, cancel := context.WithTimeout(p.ctx, 20*time.Second)
	defer cancel()
	if err := p.Signal(ctx, "a", syscall.SIGTERM); err != nil {
		t.Errorf("signal: %v", err)
	}
	if err := p.Delete(ctx, "a"); err != nil {
		t.Errorf("delete: %v", err)
	}
	checkNothingLeft(t, p, "a")
}

func TestSIGKILLEndsAllOfAContainerThatSeesTheProcessesOfItsHost(t *testing.T) {
	p := newPod(t)
	c := busyboxContainer("a", "sleep 1000 & sleep 1000")
	c.HostPID = true
	p.run(c)
	inside := func() int { return len(containers.CgroupProcesses(p.Sandbox.CgroupPath("a"))) }
	waitFor(t, "both to run", func() bool { return inside() > 1 })
	if err := p.Signal(p.ctx, "a", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "all to end, though nobody deletes the container", func() bool { return inside() == 0 })
}
