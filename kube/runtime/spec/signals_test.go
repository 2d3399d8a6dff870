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

func TestEverySignalThatCRIKnowsIsUnderstoodAndToldAgain(t *testing.T) {
	twoNames := map[cri.Signal]cri.Signal{
		cri.Signal_SIGNAL_SIGCLD: cri.Signal_SIGNAL_SIGCHLD, cri.Signal_SIGNAL_SIGIOT: cri.Signal_SIGNAL_SIGABRT, cri.Signal_SIGNAL_SIGPOLL: cri.Signal_SIGNAL_SIGIO,
	}
	for number, name := range cri.Signal_name {
		wish := cri.Signal(number)
		if wish == cri.Signal_SIGNAL_RUNTIME_DEFAULT {
			continue
		}
		want := wish
		if other, has := twoNames[wish]; has {
			want = other
		}
		signal, err := StopSignal(wish, "")
		if got := Told(signal); err != nil || got != want {
			t.Errorf("%s is signal %d (%v), which is told as %v", name, signal, err, got)
		}
	}
	if got := Told(33); got != cri.Signal_SIGNAL_RUNTIME_DEFAULT { // the C library keeps it for itself
		t.Errorf("signal 33 is told as %v", got)
	}
}
