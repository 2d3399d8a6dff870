//go:build linux

package containers_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kubelab/kube/containers"
	"kubelab/kube/containers/streams"
)

// Each test tries a way out of a container that once worked with runc, and that libcontainer has closed since.

// CVE-2019-5736: a command that is the runtime's own program (by way of /proc/self/exe) overwrites that program.
func TestAContainerCannotOverwriteTheShimsProgram(t *testing.T) {
	p := newPod(t)
	evil := evilLayer(t, map[string]string{"bin/evil": "#!/proc/self/exe\n"}, nil)
	sum := func() [32]byte {
		data, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(data)
	}
	before := sum()
	c := busyboxContainer("a", "while :; do for p in /proc/[0-9]*; do echo pwned 2>/dev/null >$p/exe; done; done")
	c.Layers = []string{layer, evil}
	p.run(c)
	for range 5 {
		p.Exec(p.ctx, "a", containers.ExecConfig{Args: []string{"/bin/evil"}}, streams.Stdio{Stdout: io.Discard}, nil)
		p.Exec(p.ctx, "a", containers.ExecConfig{Args: []string{"true"}}, streams.Stdio{}, nil)
	}
	if sum() != before {
		t.Fatal("the program on the host was overwritten")
	}
}

// CVE-2024-21626: the working directory is an open directory of the host, inherited by mistake.
func TestAWorkingDirectoryCannotBeOutside(t *testing.T) {
	p := newPod(t)
	for fd := range 20 {
		c := busyboxContainer(fmt.Sprint(fd), "ls ../../../../../../../.. | grep -c root; exit 0")
		c.Cwd = fmt.Sprintf("/proc/self/fd/%d", fd)
		if err := p.begin(c); err == nil {
			t.Errorf("a container began in %s", c.Cwd)
		}
	}
	p.run(busyboxContainer("a", "sleep 1000"))
	for fd := range 20 {
		var out bytes.Buffer
		e := containers.ExecConfig{Args: []string{"ls", "."}, Cwd: fmt.Sprintf("/proc/self/fd/%d", fd)}
		code, err := p.Exec(p.ctx, "a", e, streams.Stdio{Stdout: &out}, nil)
		if err == nil && code == 0 {
			t.Errorf("a command began in %s and saw %q", e.Cwd, &out)
		}
	}
}

// CVE-2025-31133 and CVE-2025-52565: the image has /dev/null or /dev/console as a link to a file that changes the machine,
// so that masking a path, or giving a terminal, makes that file writable.
func TestDevicesOfTheImageAreNotUsed(t *testing.T) {
	p := newPod(t)
	victim := "/proc/sys/kernel/core_pattern"
	before, _ := os.ReadFile(victim)
	evil := evilLayer(t, nil, map[string]string{"dev/null": victim, "dev/console": victim, "dev/pts/0": victim, "dev/ptmx": victim})
	for id, terminal := range map[string]bool{"plain": false, "terminal": true} {
		c := busyboxContainer(id, "echo pwned > /dev/null; for f in /proc/kcore /proc/keys /proc/timer_list /dev/console; do echo pwned > $f; done; [ -c /dev/null ] && echo device")
		c.Layers, c.Terminal = []string{layer, evil}, terminal
		p.run(c)
		p.exit(id)
		if out := strings.Join(p.output(id), "\n"); !strings.Contains(out, "stdout F device") {
			t.Errorf("%s: /dev/null is no device:\n%s", id, out)
		}
	}
	if after, _ := os.ReadFile(victim); string(after) != string(before) {
		os.WriteFile(victim, before, 0)
		t.Fatalf("%s was %q and is %q", victim, before, after)
	}
}

// CVE-2025-52881: a mount over part of /proc sends what libcontainer writes there (labels, say) elsewhere.
func TestNothingIsMountedOverProc(t *testing.T) {
	p := newPod(t)
	for i, target := range []string{"/proc/self/attr", "/proc/sys", "/proc/1/../sys/kernel", "/link/sys"} {
		c := busyboxContainer(fmt.Sprint(i), "exit 0")
		c.Layers = []string{layer, evilLayer(t, nil, map[string]string{"link": "/proc"})}
		c.Mounts = []containers.Mount{{Source: t.TempDir(), Target: target}}
		if err := p.begin(c); err == nil {
			t.Errorf("something was mounted on %s", target)
		}
	}
}

// A link in the image leads to the image's own files, as it does for the command itself.
func TestLinksInTheImageStayInside(t *testing.T) {
	p := newPod(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("root:x:4242:4242::/:/bin/sh\nmallory:x:4242:4242::/:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := busyboxContainer("a", "exit 0")
	c.Layers = []string{layer, evilLayer(t, nil, map[string]string{"etc/passwd": secret, "volume": filepath.Dir(secret)})}
	c.User = "mallory"
	if err := p.Create(p.ctx, c); err == nil {
		t.Error("a user was found in a file of the host")
	}
	inside := evilLayer(t, map[string]string{"users": "alice:x:77:77::/:/bin/sh\n"}, map[string]string{"etc/passwd": "/users"})
	c.Layers, c.User = append(c.Layers, inside), "alice"
	c.Mounts = []containers.Mount{{Source: t.TempDir(), Target: "/volume/sub"}}
	c.Args[2] = "id -u"
	if out, _ := p.runToEnd(c); out != "stdout F 77" {
		t.Errorf("the user in the file that /etc/passwd leads to: %s", out)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(secret), "sub")); err == nil {
		t.Error("a mount point was made outside")
	}
}

// evilLayer makes an image layer of files and links.
func evilLayer(t *testing.T, files, links map[string]string) string {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	dir := t.TempDir()
	for path, content := range files {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, target := range links {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755)
		if err := os.Symlink(target, filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
