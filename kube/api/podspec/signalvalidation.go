package podspec

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// stopSignals are those that a container can be asked to end with, as the kernel of Linux names them.
var stopSignals = func() []corev1.Signal {
	signals := []corev1.Signal{
		corev1.SIGABRT, corev1.SIGALRM, corev1.SIGBUS, corev1.SIGCHLD, corev1.SIGCLD, corev1.SIGCONT, corev1.SIGFPE, corev1.SIGHUP, corev1.SIGILL,
		corev1.SIGINT, corev1.SIGIO, corev1.SIGIOT, corev1.SIGKILL, corev1.SIGPIPE, corev1.SIGPOLL, corev1.SIGPROF, corev1.SIGPWR, corev1.SIGQUIT,
		corev1.SIGSEGV, corev1.SIGSTKFLT, corev1.SIGSTOP, corev1.SIGSYS, corev1.SIGTERM, corev1.SIGTRAP, corev1.SIGTSTP, corev1.SIGTTIN, corev1.SIGTTOU,
		corev1.SIGURG, corev1.SIGUSR1, corev1.SIGUSR2, corev1.SIGVTALRM, corev1.SIGWINCH, corev1.SIGXCPU, corev1.SIGXFSZ, corev1.SIGRTMIN, corev1.SIGRTMAX,
	}
	for n := 1; n <= 15; n++ { // the real-time signals, half of which are counted from either end
		signals = append(signals, corev1.Signal(fmt.Sprintf("SIGRTMIN+%d", n)))
		if n < 15 {
			signals = append(signals, corev1.Signal(fmt.Sprintf("SIGRTMAX-%d", n)))
		}
	}
	slices.Sort(signals)
	return signals
}()

// validateStopSignal: which signals there are depends on the operating system, so a pod that names one names its system too.
func validateStopSignal(signal *corev1.Signal, system *corev1.PodOS, path *field.Path) field.ErrorList {
	switch {
	case signal == nil:
		return nil
	case system == nil || system.Name == "":
		return field.ErrorList{field.Forbidden(path, "may not be set for containers with empty `spec.os.name`")}
	case !slices.Contains(stopSignals, *signal):
		return field.ErrorList{field.NotSupported(path, *signal, stopSignals)}
	}
	return nil
}
