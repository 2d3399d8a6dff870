//go:build linux

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
	"kubelab/kube/cluster/clustertest/simulated"
	"kubelab/labs"
)

func TestEveryLabCanBeDoneInABrowserAndShowsWhatItIsAbout(t *testing.T) {
	browser := browserFor(t)
	t.Setenv("SUDO_USER", "") // the terminal is root's, in the cluster's own home: no person's settings and files are there
	c := clustertest.Start(t)
	before := left(c)
	browser.run(c, "walk.test.mjs")
	c.Kube("lab", "tidy", "--name", c.Name)
	if after := left(c); after != before {
		t.Errorf("every lab was tidied away, and what is left is not what there was before:\n%s\nbefore:\n%s", after, before)
	}
	if _, err := os.Stat(filepath.Join(c.Home(), "kubelab-labs")); err != nil {
		t.Errorf("no lab laid out its files: %v", err)
	}
}

func TestThreeHundredPodsAreShownSmoothlyAndRightly(t *testing.T) {
	browser := browserFor(t)
	c := clustertest.Start(t, "--nodes", "1")
	simulated.Start(c, 10)
	browser.run(c, "many.test.mjs")
}

func TestARecordingTellsOfAPodsCreationWithNoCluster(t *testing.T) {
	browser := browserFor(t)
	t.Setenv("SUDO_USER", "")
	t.Setenv("LABS", "11-kubelet")
	t.Setenv("CHALLENGES", "0")
	c := clustertest.Start(t)
	file := filepath.Join(t.TempDir(), "lesson.kubelab")
	_, end := start(c, "record: recording", "record", file, "--name", c.Name)
	browser.run(c, "walk.test.mjs")
	end()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 1<<20 {
		t.Errorf("the recording of a lab has %d bytes", info.Size())
	}
	c.Down()
	site, _ := start(c, "http://", "replay", file)
	browser.open(c, site, "replay.test.mjs")
}

// start runs a program kube that goes on until the end of the test at most, and returns the first line that begins so.
func start(c *clustertest.Cluster, begins string, arguments ...string) (line string, end func()) {
	c.T.Helper()
	command := c.Command(context.Background(), "kube", arguments...)
	out, err := command.StdoutPipe()
	command.Stderr = command.Stdout
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		c.T.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		command.Process.Signal(os.Interrupt)
		if err := command.Wait(); err != nil {
			c.T.Errorf("kube %s: %v", arguments[0], err)
		}
	})
	c.T.Cleanup(end)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), begins) {
			return lines.Text(), end
		}
	}
	c.T.Fatalf("kube %s says nothing that begins with %q", arguments[0], begins)
	return "", end
}

// browser are the programs that a walk through the pages needs.
type browser struct{ node, chromium string }

// run has Node run a script on a cluster's site. The script may use kubectl.
func (b browser) run(c *clustertest.Cluster, script string) {
	b.open(c, strings.TrimSpace(c.Kube("site", "url", "--name", c.Name)), script)
}

// open has Node run a script on the site at an address.
func (b browser) open(c *clustertest.Cluster, site, script string) {
	ctx, cancel := context.WithTimeout(c.T.Context(), 30*time.Minute)
	defer cancel()
	kubectl := c.Command(ctx, "kubectl")
	command := exec.CommandContext(ctx, b.node, "--test", "--test-reporter=spec", script)
	command.Env = append(kubectl.Env, "KUBECTL="+kubectl.Path, "CHROMIUM="+b.chromium, "SITE="+site, "SOLUTIONS="+solutions(c.T))
	command.WaitDelay = time.Second
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // it ends its browser
	out, err := command.CombinedOutput()
	if err != nil {
		c.T.Errorf("%s: %v\n%s", script, err, out)
	} else {
		c.T.Logf("%s", out)
	}
}

// solutions are the commands that mend the challenges, by lab and challenge: the site does not tell before they are mended.
func solutions(t testing.TB) string {
	t.Helper()
	all, err := labs.Ours.All()
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string]map[string][]string{}
	for _, lab := range all {
		commands[lab.Name] = map[string][]string{}
		for _, challenge := range lab.Challenges {
			for _, command := range challenge.Solutions[0].Do {
				commands[lab.Name][challenge.ID] = append(commands[lab.Name][challenge.ID], command.Do)
			}
		}
	}
	text, err := json.Marshal(commands)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// left is all that a lab could leave behind.
func left(c *clustertest.Cluster) string {
	return c.Kubectl("get", "all,configmaps", "-A", "-o", "name", "--field-selector", "metadata.namespace!=kubelab") // where it is kept what is done
}

// browserFor finds what a walk needs, or leaves it out and says why.
func browserFor(t *testing.T) browser {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs Node")
	}
	if _, err := os.Stat("../web/node_modules/playwright-core"); err != nil {
		t.Skip("needs playwright-core: npm ci in site/web")
	}
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return browser{node, first(t, path)}
		}
	}
	t.Skip("needs Chromium: a program called chromium, or the variable CHROMIUM")
	return browser{}
}

// first is a program that runs another one before everything else, as if it had a machine of its own: how long a page's
// frames take is then the page's doing, and not the cluster's. Where sessions are groups of the kernel's scheduler (sched(7),
// autogroup), priorities count within a group only, and the group gets one, too.
func first(t *testing.T, program string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), filepath.Base(program))
	script := fmt.Sprintf("#!/bin/sh\necho -10 2>/dev/null >/proc/self/autogroup\nexec nice -n -10 %q \"$@\"\n", program)
	if err := os.WriteFile(file, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}
