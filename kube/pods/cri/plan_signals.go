package cri

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// CRI writes SIGNAL_SIGRTMINPLUS3 where a pod says SIGRTMIN+3.
const signalPrefix = "SIGNAL_"

var (
	toCRI   = strings.NewReplacer("+", "PLUS", "-", "MINUS")
	fromCRI = strings.NewReplacer("PLUS", "+", "MINUS", "-")
)

// stopSignal is the signal that a container wants to be asked to end with. Who says nothing has the image's, or SIGTERM.
func stopSignal(c *corev1.Container) runtimeapi.Signal {
	if c.Lifecycle == nil || c.Lifecycle.StopSignal == nil {
		return runtimeapi.Signal_SIGNAL_RUNTIME_DEFAULT
	}
	return runtimeapi.Signal(runtimeapi.Signal_value[signalPrefix+toCRI.Replace(string(*c.Lifecycle.StopSignal))])
}

// StopSignalOf is the signal that a runtime will send to a container, nil where it does not say.
func StopSignalOf(told runtimeapi.Signal) *corev1.Signal {
	if told == runtimeapi.Signal_SIGNAL_RUNTIME_DEFAULT {
		return nil
	}
	return new(corev1.Signal(fromCRI.Replace(strings.TrimPrefix(told.String(), signalPrefix))))
}
