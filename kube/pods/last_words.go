//go:build linux

package pods

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-client/pkg/logs"

	"kubelab/kube/pods/cri"
)

// lastWords are what a program left in its termination message. If it left nothing and failed, they are the end of its log, where its container
// says so.
func (o *Operator) lastWords(ctx context.Context, is *runtimeapi.ContainerStatus) string {
	file := o.node.LastWordsPath(is.GetLabels()[cri.LabelUID], is.GetLabels()[cri.LabelContainer], int(is.GetMetadata().GetAttempt()))
	words, err := readEnd(file, maxWords)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("Error on reading termination log %s: %v", file, err)
	case words != "" || is.GetExitCode() == 0 || is.GetAnnotations()[cri.AnnotationWords] != string(corev1.TerminationMessageFallbackToLogsOnError):
		return words
	}
	end := &tail{most: maxLogWords}
	options := &logs.LogOptions{TailLines: new(int64(maxLogLines))}
	if err := logs.ReadLogs(ctx, is.GetLogPath(), is.GetId(), options, nil, end, end); err != nil {
		return fmt.Sprintf("Error on reading termination message from logs: %v", err)
	}
	return string(end.kept)
}

// readEnd reads the last bytes of a file.
func readEnd(path string, most int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.NewSectionReader(file, max(size-most, 0), most))
	return string(text), err
}

// tail keeps the last bytes of what is written to it.
type tail struct {
	kept []byte
	most int
}

// Write keeps the end of p.
func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	t.kept = t.kept[max(len(t.kept)-t.most, 0):]
	return len(p), nil
}
