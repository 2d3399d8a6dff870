//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// startHost starts a host: a first process in new namespaces, in the host's cgroup, plugged into the
// switch. keep takes down who it is before the first component starts: a crash in between leaves no
// host that nobody knows of.
func startHost(ctx context.Context, spec Spec, host Host, keep func(Process) error) error {
	if err := removeCgroups(spec.cgroup(host)); err != nil { // the remains of an earlier life
		return err
	}
	command := exec.Command(filepath.Join(spec.Bin, "kube"), "host", "--data-dir", spec.DataDir, "--name", host.Name)
	command.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true, // a Ctrl-C at the terminal is not for the host
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	return start(command, spec.hostPath(host, "log/host.log"), func(process Process) error {
		if err := enclose(ctx, spec, host, process.PID); err != nil {
			return err
		}
		gateway := spec.machine()
		if spec.Isolated {
			gateway = netip.Addr{}
		}
		if err := plug(spec, host, gateway, process.PID); err != nil {
			return err
		}
		return keep(process)
	})
}

// start starts a process that outlives us, and holds it at a gate until prepare is done with it. When
// prepare fails, or we die in it, the process ends without having done anything.
func start(command *exec.Cmd, logPath string, prepare func(Process) error) error {
	if err := os.MkdirAll(filepath.Dir(logPath), 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	gate, opener, err := os.Pipe()
	if err != nil {
		return err
	}
	defer gate.Close()
	defer opener.Close()
	command.Env, command.Dir = append(cleanEnv(), gateMark+"=1"), "/"
	command.Stdout, command.Stderr, command.ExtraFiles = log, log, []*os.File{gate}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %v: %w", command.Args, err)
	}
	process, err := identify(command.Process.Pid)
	if err == nil {
		err = prepare(process)
	}
	if err == nil {
		_, err = opener.Write([]byte{1})
	}
	if err != nil {
		return errors.Join(err, command.Process.Kill(), ignoreExit(command.Wait()))
	}
	return command.Process.Release()
}

func ignoreExit(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil
	}
	return err
}

// A process that start has started finds its gate under this number, and in its environment that there is one.
const (
	gateFile = 3
	gateMark = "KUBELAB_GATE"
)

// PassGate waits until whoever started this process is done with preparing it. An error: they gave up.
func PassGate() error {
	if os.Getenv(gateMark) == "" {
		return nil
	}
	_ = os.Unsetenv(gateMark) // it fails only for names that are none
	gate := os.NewFile(gateFile, "gate")
	defer gate.Close()
	if n, err := gate.Read(make([]byte, 1)); n != 1 {
		return fmt.Errorf("wait at the gate: %w", err)
	}
	return nil
}

// passed are the variables of our environment that components get to see: how to find programs, how to reach a
// registry, and whose the lab site's terminal is. What else belongs to that person is none of their business.
var passed = []string{"PATH", "HOME", "SUDO_USER", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "GODEBUG", "GOCOVERDIR"}

func cleanEnv() []string {
	var env []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		for _, allowed := range passed {
			if strings.EqualFold(name, allowed) {
				env = append(env, variable)
			}
		}
	}
	return env
}
