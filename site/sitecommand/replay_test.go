package sitecommand

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kubelab/kube/trace"
	"kubelab/site/record"
)

// recording writes a short recording, and returns its path and size.
func recording(t *testing.T) (path string, size int64) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "lesson.kube")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	history := record.NewHistory(record.Unlimited)
	history.Begin(record.Snapshot{Cluster: "lab", Time: time.Now()})
	writer, err := record.NewWriter(file, history.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	history.Append(record.Frame{Step: &trace.Step{ID: "r1", Verb: "create"}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := writer.Record(ctx, history); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	_, size = writer.Size()
	return path, size
}

func TestARecordingOpensInABrowserWithoutACluster(t *testing.T) {
	path, _ := recording(t)
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- replay(ctx, in, io.Discard, path, "127.0.0.1:0") }()
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(strings.TrimSpace(url))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther || len(answer.Cookies()) != 1 {
		t.Errorf("the address that was printed answers %s with %d cookies", answer.Status, len(answer.Cookies()))
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoRecordingIsNotServed(t *testing.T) {
	whole, size := recording(t)
	if err := os.Truncate(whole, size/4); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(other, []byte("not one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{whole: "", other: "no recording", filepath.Join(t.TempDir(), "none"): "no such file"} {
		if err := replay(t.Context(), io.Discard, io.Discard, path, "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
}

func TestARecordingIsShownOnTheLoopbackOnlyAndTheRemedyIsOneThatReplayHas(t *testing.T) {
	path, _ := recording(t)
	err := replay(t.Context(), io.Discard, io.Discard, path, "0.0.0.0:9999")
	if err == nil || strings.Contains(err.Error(), "--cert") || !strings.Contains(err.Error(), "ssh -L 9999:127.0.0.1:9999") {
		t.Errorf("got %v", err)
	}
}
