//go:build linux

package containers_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"kubelab/kube/containers"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// probeLayer is an image layer with the program that tries ways out of a container.
func probeLayer(t *testing.T) string {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs Go: it builds the program that tries")
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "bin", "probe"), "./testdata/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

func (p *pod) probe(id, layerOfProbe, seccomp string, privileged bool) string {
	p.t.Helper()
	c := busyboxContainer(id, "exec probe new-user-namespace userfaultfd add-key make-tun")
	c.Layers, c.Seccomp, c.Privileged = []string{layer, layerOfProbe}, seccomp, privileged
	return p.stdout(c)
}

func TestAContainerCannotCallWhatLeadsOutOfOne(t *testing.T) {
	p, probe := newPod(t), probeLayer(t)
	profile := filepath.Join(t.TempDir(), "profile.json")
	text := `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["userfaultfd"], "action": "SCMP_ACT_ERRNO"}]}`
	if err := os.WriteFile(profile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const refused, done = "operation not permitted", "<nil>"
	for id, test := range map[string]struct {
		seccomp                           string
		privileged                        bool
		unshare, userfaultfd, addKey, tun string
	}{
		"ordinary":   {containers.SeccompDefault, false, refused, refused, refused, refused},
		"unconfined": {containers.SeccompUnconfined, false, done, done, done, refused},
		"own":        {profile, false, done, refused, done, refused},
		"privileged": {containers.SeccompDefault, true, done, done, done, ""},
	} {
		got := p.probe(id, probe, test.seccomp, test.privileged)
		want := "new-user-namespace: " + test.unshare + "\nuserfaultfd: " + test.userfaultfd + "\nadd-key: " + test.addKey + "\nmake-tun: " + test.tun
		if test.privileged { // whether the machine has such a device is its own affair
			got = got[:strings.Index(got, "make-tun: ")+len("make-tun: ")]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
}

func TestASeccompProfileThatIsNotThereOrNoneStopsItsContainer(t *testing.T) {
	p := newPod(t)
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{broken, broken + "x"} {
		c := busyboxContainer("a", "true")
		c.Seccomp = path
		if err := p.Create(p.ctx, c); err == nil || !strings.Contains(err.Error(), "cannot load seccomp profile") || !strings.Contains(err.Error(), path) {
			t.Errorf("a container with the profile %s: %v", path, err)
		}
	}
}

func TestEachContainerHasASessionKeyringOfItsOwn(t *testing.T) {
	// As after a login: the one who starts a cluster has a session keyring, which all that they start inherits.
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	if _, err := unix.KeyctlJoinSessionKeyring("kubelab-test"); err != nil {
		t.Fatal(err)
	}
	p, probe := newPod(t), probeLayer(t)
	run := func(id, attempt string) string {
		c := busyboxContainer(id, "exec probe "+attempt)
		c.Layers, c.Seccomp = []string{layer, probe}, containers.SeccompUnconfined
		return p.stdout(c)
	}
	if got := run("keyring-1", "add-key find-key"); got != "add-key: <nil>\nfind-key: <nil>" {
		t.Errorf("a container's own key: %s", got)
	}
	if got := run("keyring-2", "find-key"); got != "find-key: required key not available" {
		t.Errorf("another container's key: %s", got)
	}
}
