//go:build linux

package site_test

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"kubelab/kube/cluster/clustertest"
	"kubelab/site/record"
)

// enterCluster opens the address that kube site url prints.
func enterCluster(t *testing.T, c *clustertest.Cluster, arguments ...string) *browser {
	t.Helper()
	printed := c.Kube(append([]string{"site", "url", "--name", c.Name}, arguments...)...)
	address, err := url.Parse(strings.TrimSpace(printed))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(client.CloseIdleConnections)
	b := &browser{t: t, client: client, origin: "http://" + address.Host}
	if got := b.get(address.RequestURI()); got.status != http.StatusSeeOther {
		t.Fatalf("%s gives %d: %s", printed, got.status, got.body)
	}
	return b
}

func TestTheLabSiteOfACluster(t *testing.T) {
	c := clustertest.Start(t, "--nodes", "1")
	b := enterCluster(t, c)

	t.Run("shows its objects", func(t *testing.T) {
		stream := b.open("/ws/stream")
		seen := map[string]bool{}
		for deadline := time.Now().Add(10 * time.Second); !seen["nodes/node-1"] && time.Now().Before(deadline); {
			message := stream.hear()
			if state, ok := message["snapshot"]; ok {
				for _, object := range into[record.Snapshot](t, state).Objects {
					seen[object.Ref.String()] = true
				}
			}
			if frames, ok := message["frames"]; ok {
				for _, frame := range into[[]record.Frame](t, frames) {
					if frame.Object != nil {
						seen[frame.Object.Ref.String()] = true
					}
				}
			}
		}
		if !seen["nodes/node-1"] {
			t.Errorf("there is no node-1 in %v", seen)
		}
	})

	t.Run("has a terminal in which kubectl works", func(t *testing.T) {
		if got := terminalSays(t, b, "kubectl get nodes -o name; stat -c %a $KUBECONFIG; pwd"); !strings.Contains(got, "node/node-1") || !strings.Contains(got, "600") {
			t.Errorf("it says %s", got)
		}
	})

	t.Run("breaks it as commands do", func(t *testing.T) {
		got := b.post("/api/fault", `{"kind":"kill-component","target":"scheduler@control-plane"}`)
		if want := `{"command":"sudo kube kill scheduler@control-plane --name ` + c.Name + `"}`; got.body != want {
			t.Errorf("%d: %s", got.status, got.body)
		}
		if got := b.post("/api/fault", `{"kind":"kill-node","target":"node-7"}`); got.status != http.StatusNotFound {
			t.Errorf("a node that is not there: %d: %s", got.status, got.body)
		}
	})

	t.Run("holds a loop", func(t *testing.T) {
		b.post("/api/gates", `{"loop":"scheduler","action":"hold"}`)
		c.Kubectl("run", "web", "--image=busybox", "--", "sleep", "1000")
		c.Wait(20*time.Second, "the pod waits for the scheduler", func() bool {
			return strings.Contains(b.get("/api/gates").body, `{"loop":"scheduler","held":true,"waiting":[{"resource":"pods","namespace":"default","name":"web"}]}`)
		})
		if got := b.post("/api/gates", `{"loop":"scheduler","action":"release"}`); got.status != http.StatusOK {
			t.Errorf("%d: %s", got.status, got.body)
		}
		c.Kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=30s")
		if got := b.get("/api/why?ref=pods/default/web"); strings.Count(got.body, `"component"`) < 8 {
			t.Errorf("why: %d: %s", got.status, got.body)
		}
	})

	t.Run("kills a container", func(t *testing.T) {
		if got := b.post("/api/fault", `{"kind":"kill-container","target":"default/web/web"}`); got.status != http.StatusOK {
			t.Errorf("%d: %s", got.status, got.body)
		}
		c.Wait(20*time.Second, "it was started again", func() bool {
			return c.Kubectl("get", "pod", "web", "-o", "jsonpath={.status.containerStatuses[0].restartCount}") == "1"
		})
	})

	t.Run("comes back when it is killed, and knows who was in until all are signed out", func(t *testing.T) {
		for _, end := range []struct {
			how  func()
			want int
		}{
			{func() { c.KillComponent("site") }, http.StatusOK},
			{func() { c.Kube("site", "sign-out", "--name", c.Name) }, http.StatusUnauthorized},
		} {
			before := c.Kube("site", "url", "--name", c.Name)
			end.how()
			c.Wait(20*time.Second, "a new site", func() bool {
				out, err := c.Try("kube", "site", "url", "--name", c.Name)
				return err == nil && out != before && reachable(strings.TrimSpace(out))
			})
			if got := b.get("/api/book"); got.status != end.want {
				t.Errorf("with its cookie a browser gets %d, not %d", got.status, end.want)
			}
		}
		if got := enterCluster(t, c, "--viewer").post("/api/fault", `{"kind":"kill-node","target":"node-1"}`); got.status != http.StatusForbidden {
			t.Errorf("a viewer cuts the power: %d", got.status)
		}
	})

	t.Run("leaves no way in behind", func(t *testing.T) {
		c.Down()
		if _, err := os.Stat(c.DataDir + "/terminal"); !os.IsNotExist(err) {
			t.Errorf("after kube down there is a kubeconfig: %v", err)
		}
	})
}

// reachable says whether a server answers at an address.
func reachable(address string) bool {
	response, err := http.Head(address)
	if err != nil {
		return false
	}
	response.Body.Close()
	return true
}

// terminalSays types a command and returns what it prints.
func terminalSays(t *testing.T, b *browser, command string) string {
	t.Helper()
	shell := b.open("/ws/terminal")
	defer shell.Close()
	if err := shell.WriteMessage(websocket.BinaryMessage, []byte(command+"; echo 'the e''nd'\r")); err != nil {
		t.Fatal(err)
	}
	var screen bytes.Buffer
	for !strings.Contains(screen.String(), "the end") {
		kind, text := shell.message()
		if kind != websocket.BinaryMessage {
			t.Fatalf("%s\n%s", screen.String(), text)
		}
		screen.Write(text)
	}
	return screen.String()
}
