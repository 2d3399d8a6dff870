//go:build linux

package spec

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// The first and the last real-time signal as the C library counts them (signal(7)).
const (
	sigRTMin = 34
	sigRTMax = 64
)

// StopSignal is the signal that asks a container to end: the pod's, or the image's, or SIGTERM. An error says that there is no such signal.
func StopSignal(pod cri.Signal, image string) (syscall.Signal, error) {
	return parseSignal(stopSignal(pod, image))
}

// Told is the signal as CRI names it, to tell it of a container. A number without a name is left out.
func Told(signal syscall.Signal) cri.Signal {
	const middle = 49 // what is above is counted from the last
	name := unix.SignalName(signal)
	switch {
	case signal == sigRTMin:
		name = "SIGRTMIN"
	case signal == sigRTMax:
		name = "SIGRTMAX"
	case signal > sigRTMin && signal <= middle:
		name = fmt.Sprintf("SIGRTMINPLUS%d", signal-sigRTMin)
	case signal > middle && signal < sigRTMax:
		name = fmt.Sprintf("SIGRTMAXMINUS%d", sigRTMax-signal)
	}
	return cri.Signal(cri.Signal_value["SIGNAL_"+name])
}

// otherNames are those of signals that have two.
var otherNames = map[string]syscall.Signal{"CLD": syscall.SIGCHLD, "IOT": syscall.SIGABRT, "POLL": syscall.SIGIO}

// parseSignal understands what images and pods write: SIGTERM, TERM, 15, SIGRTMIN+3, SIGRTMINPLUS3.
func parseSignal(text string) (syscall.Signal, error) {
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	name = strings.NewReplacer("PLUS", "+", "MINUS", "-").Replace(name)
	if number, err := strconv.Atoi(name); err == nil && number > 0 && number <= sigRTMax {
		return syscall.Signal(number), nil
	}
	for prefix, base := range map[string]int{"RTMIN": sigRTMin, "RTMAX": sigRTMax} {
		offset, found := strings.CutPrefix(name, prefix)
		if !found {
			continue
		}
		number, err := strconv.Atoi("0" + strings.TrimLeft(offset, "+-"))
		if strings.HasPrefix(offset, "-") {
			number = -number
		}
		if base+number >= sigRTMin && base+number <= sigRTMax && err == nil {
			return syscall.Signal(base + number), nil
		}
	}
	if signal, known := otherNames[name]; known {
		return signal, nil
	}
	if signal := unix.SignalNum("SIG" + name); signal != 0 {
		return signal, nil
	}
	return 0, fmt.Errorf("stop signal %q: no such signal", text)
}
