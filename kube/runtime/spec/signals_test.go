//go:build linux

package spec

import (
	"syscall"
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func TestStopSignalsAreUnderstoodAsImagesAndPodsWriteThem(t *testing.T) {
	for text, want := range map[string]syscall.Signal{
		"SIGTERM": syscall.SIGTERM, "quit": syscall.SIGQUIT, "9": syscall.SIGKILL, "SIGRTMIN": 34, "SIGRTMIN+3": 37,
		stopSignal(cri.Signal_SIGNAL_SIGRTMAXMINUS1, "x"): 63, stopSignal(cri.Signal_SIGNAL_RUNTIME_DEFAULT, "SIGINT"): syscall.SIGINT,
		stopSignal(cri.Signal_SIGNAL_RUNTIME_DEFAULT, ""): syscall.SIGTERM,
	} {
		if got, err := parseSignal(text); got != want || err != nil {
			t.Errorf("%s is signal %d (%v), want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "SIGNOTHING", "0", "65", "-1", "RTMIN-1", "RTMAX+1"} {
		if got, err := parseSignal(text); err == nil {
			t.Errorf("%q is taken for signal %d", text, got)
		}
	}
}
