//go:build linux

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

func TestInABrowser(t *testing.T) {
	chromium, node := browser(t)
	t.Setenv("SUDO_USER", "") // the terminal is root's, and the labs' files lie where no person keeps theirs
	dir := keepFilesOfLabs(t)
	c := clustertest.Start(t)
	before := left(c)
	for _, run := range []struct{ does, script string }{
		{"every lab can be done, and shows what it is about", "walk.test.mjs"},
		{"three hundred pods are shown smoothly and rightly", "many.test.mjs"},
	} {
		t.Run(run.does, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, node, "--test", "--test-reporter=spec", run.script)
			command.Env = append(os.Environ(), "CHROMIUM="+chromium, "SITE="+strings.TrimSpace(c.Kube("site", "url", "--name", c.Name)))
			command.WaitDelay = time.Second
			command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // it ends its browser
			out, err := command.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", run.script, err, out)
			} else {
				t.Logf("%s", out)
			}
		})
	}
	if after := left(c); after != before {
		t.Errorf("every lab began anew, and what is left is not what there was before:\n%s\nbefore:\n%s", after, before)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("no lab laid out its files in %s", dir)
	}
}

// left is all that a lab could leave behind.
func left(c *clustertest.Cluster) string {
	return c.Kubectl("get", "all,configmaps", "-A", "-o", "name", "--field-selector", "metadata.namespace!=kubelab") // where it is kept what is done
}

// browser finds what a walk needs, or leaves it out and says why.
func browser(t *testing.T) (chromium, node string) {
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
			return path, node
		}
	}
	t.Skip("needs Chromium: a program called chromium, or the variable CHROMIUM")
	return "", ""
}

// keepFilesOfLabs puts aside root's own files of the labs until the test is over.
func keepFilesOfLabs(t *testing.T) (dir string) {
	t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(home, "kubelab-labs")
	aside := dir + "-" + t.Name()
	had := os.Rename(dir, aside) == nil
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
		if had {
			if err := os.Rename(aside, dir); err != nil {
				t.Error(err)
			}
		}
	})
	return dir
}
