//go:build linux

package pods

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/pods/cri"
)

// leaving is a container that left these words and this log, a line each.
func leaving(t *testing.T, o *Operator, code int32, policy corev1.TerminationMessagePolicy, words string, lines ...string) *runtimeapi.ContainerStatus {
	t.Helper()
	log := ""
	for _, line := range lines {
		log += "2030-01-01T12:00:00.000000000Z stderr F " + line + "\n"
	}
	logPath, wordsPath := filepath.Join(t.TempDir(), "0.log"), o.node.LastWordsPath("u1", "web", 0)
	for path, content := range map[string]string{logPath: log, wordsPath: words} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &runtimeapi.ContainerStatus{Metadata: &runtimeapi.ContainerMetadata{}, ExitCode: code, LogPath: logPath,
		Labels: map[string]string{cri.LabelUID: "u1", cri.LabelContainer: "web"}, Annotations: map[string]string{cri.AnnotationWords: string(policy)}}
}

func TestAProgramThatFailsWithoutAWordIsHeardInItsLogWhereItsContainerSaysSo(t *testing.T) {
	o := &Operator{node: cri.Node{Root: t.TempDir()}}
	const fallback, file = corev1.TerminationMessageFallbackToLogsOnError, corev1.TerminationMessageReadFile
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprint("line ", i))
	}
	long := strings.Repeat("0123456789", 500)
	for _, c := range []struct {
		what   string
		code   int32
		policy corev1.TerminationMessagePolicy
		words  string
		log    []string
		want   string
	}{
		{"its own words", 1, fallback, "no disk", []string{"line"}, "no disk"},
		{"none", 1, fallback, "", []string{"one", "two"}, "one\ntwo\n"},
		{"it has not failed", 0, fallback, "", []string{"line"}, ""},
		{"its container does not say so", 1, file, "", []string{"line"}, ""},
		{"many lines: the last 80", 1, fallback, "", many, strings.Join(many[20:], "\n") + "\n"},
		{"a long line: the last 2048 bytes", 1, fallback, "", []string{long}, long[len(long)-2047:] + "\n"},
		{"many words: the last 4096 bytes", 1, file, long, nil, long[len(long)-4096:]},
	} {
		check(t, c.what, o.lastWords(t.Context(), leaving(t, o, c.code, c.policy, c.words, c.log...)), c.want)
	}
}
