//go:build linux

package containers_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"kubelab/kube/containers"
	"kubelab/kube/containers/containerstest"
)

// What TestMain prepares, if it can: the program, and an image of one layer that the tests' containers share.
var (
	program string
	layer   string
	missing string // why real containers cannot be tested here
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(starterDir); dir != "" {
		starter(dir)
	}
	os.Exit(prepared(m))
}

func prepared(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kubelab-containers-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program, layer = filepath.Join(dir, "bin", "kube-shim"), filepath.Join(dir, "layer")
	if missing = containerstest.Missing(); missing != "" {
		return m.Run()
	}
	if err := containerstest.BuildShim(program, raceFlag()...); err != nil {
		panic(err)
	} else if err := buildLayer(layer); err != nil {
		panic(err)
	}
	return m.Run()
}

// raceFlag gives the program the race detector if this test has it.
func raceFlag() []string {
	if info, _ := debug.ReadBuildInfo(); slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return []string{"-race"}
	}
	return nil
}

// buildLayer makes the smallest image with a shell and a user.
func buildLayer(dir string) error {
	for _, sub := range []string{"bin", "etc", "tmp", "home/alice"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	program, err := os.ReadFile(containerstest.Busybox)
	if err != nil {
		return err
	}
	for path, content := range map[string]string{
		"bin/busybox": string(program),
		"etc/passwd":  "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n",
		"etc/group":   "root:x:0:\nalice:x:1000:\nstaff:x:50:alice\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o755); err != nil {
			return err
		}
	}
	for _, name := range strings.Fields("sh cat echo hostname ls mount stty id sleep touch tail head yes true kill wc seq ps ipcs env dd grep tr") {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			return err
		}
	}
	return nil
}

// pod is a sandbox with its shim, for one test.
type pod struct {
	*containers.Shim
	t   *testing.T
	ctx context.Context
}

// newPod starts a shim, and checks at the end of the test that nothing of it is left.
func newPod(t *testing.T, change ...func(*containers.Sandbox)) *pod {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	sandbox := newSandbox(t.TempDir())
	for _, f := range change {
		f(&sandbox)
	}
	shim, err := containers.StartShim(t.Context(), program, sandbox)
	if err != nil {
		t.Fatal(err)
	}
	p := &pod{shim, t, t.Context()}
	t.Cleanup(p.cleanup)
	return p
}

func newSandbox(dir string) containers.Sandbox {
	return containers.Sandbox{
		ID: "test", Dir: filepath.Join(dir, "sandbox"), Hostname: "web-0",
		CgroupParent: fmt.Sprintf("/kubelab-test-%d/pod-%s", os.Getpid(), filepath.Base(dir)),
	}
}

func (p *pod) cleanup() {
	ctx := context.Background()
	if said, _ := os.ReadFile(filepath.Join(p.Sandbox.Dir, "shim.log")); len(said) > 0 {
		p.t.Errorf("the shim says:\n%s", said)
	}
	all, err := p.List(ctx)
	if err != nil {
		p.t.Error(err)
	}
	for _, status := range all {
		if err := p.Delete(ctx, status.ID); err != nil {
			p.t.Error(err)
		}
	}
	if err := p.Stop(ctx); err != nil {
		p.t.Error(err)
	}
	if err := containers.RemoveCgroup(filepath.Dir(p.Sandbox.CgroupParent)); err != nil {
		p.t.Error(err)
	}
	if mounts := mountsBelow(p.Sandbox.Dir); len(mounts) > 0 {
		p.t.Errorf("mounts left: %v", mounts)
	}
	waitFor(p.t, "the shim's processes to end", func() bool { return len(processesOf(p.Sandbox.Dir)) == 0 })
}

// busyboxContainer is a container that runs a shell script.
func busyboxContainer(id, script string) containers.Config {
	return containers.Config{ID: id, Layers: []string{layer}, Args: []string{"sh", "-c", script}}
}

// run creates and starts a container, with a log unless it has one.
func (p *pod) run(c containers.Config) {
	p.t.Helper()
	if c.LogPath == "" {
		c.LogPath = p.logPath(c.ID)
	}
	if err := p.Create(p.ctx, c); err != nil {
		p.t.Fatal(err)
	}
	if err := p.Start(p.ctx, c.ID); err != nil {
		p.t.Fatal(err)
	}
}

// begin makes a container and lets its command begin; its error is that of either.
func (p *pod) begin(c containers.Config) error {
	if err := p.Create(p.ctx, c); err != nil {
		return err
	}
	return p.Start(p.ctx, c.ID)
}

func (p *pod) logPath(id string) string { return filepath.Join(filepath.Dir(p.Sandbox.Dir), id+".log") }

// exit waits until the container has exited.
func (p *pod) exit(id string) containers.Status {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	exits, err := p.Exits(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	for status := range exits {
		if status.ID == id {
			return status
		}
	}
	p.t.Fatalf("container %s has not exited", id)
	return containers.Status{}
}

// output is what the log says a container has written, without times: "stdout F hello".
func (p *pod) output(id string) []string {
	p.t.Helper()
	log, err := os.ReadFile(p.logPath(id))
	if err != nil {
		p.t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(log)) {
		if !strings.HasSuffix(line, "\n") {
			break // it is being written
		}
		stamp, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if _, err := time.Parse(time.RFC3339Nano, stamp); err != nil {
			p.t.Errorf("log line without a time: %q", line)
		}
		lines = append(lines, text)
	}
	return lines
}

// runToEnd runs a script and returns its output, joined, and its exit.
func (p *pod) runToEnd(c containers.Config) (string, containers.Status) {
	p.t.Helper()
	p.run(c)
	status := p.exit(c.ID)
	return strings.Join(p.output(c.ID), "\n"), status
}

func waitFor(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !reached(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func mountsBelow(dir string) []string {
	table, _ := os.ReadFile("/proc/self/mountinfo")
	var found []string
	for line := range strings.Lines(string(table)) {
		if path := strings.Fields(line)[4]; strings.HasPrefix(path, dir) {
			found = append(found, path)
		}
	}
	return found
}

// processesOf are those that have dir in their command line, as a shim has.
func processesOf(dir string) []string {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var found []string
	for _, file := range files {
		if line, _ := os.ReadFile(file); strings.Contains(string(line), dir+"\x00") {
			found = append(found, filepath.Base(filepath.Dir(file)))
		}
	}
	return found
}
