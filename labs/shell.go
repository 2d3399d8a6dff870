package labs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"kubelab/kube/cluster"
)

// Shell runs commands as a student's terminal does.
type Shell struct {
	Dir string   // the working folder, with the lab's files
	Env []string // see [Environment]
}

// Outcome is what became of a command.
type Outcome struct {
	Printed   string // on standard output, up to maxPrinted bytes
	Complaint string // on standard error
	Code      int    // exit code; -1 when a signal ended it
	Late      bool   // it did not end in time
}

const (
	maxPrinted = 64 << 10
	// afterglow is how long what a command left behind may keep its output open.
	afterglow = 2 * time.Second
)

// Run runs a command and ends all that it started, at the latest when its term is over. The error says that it could not be
// run, or that ctx was done; how it ended is in the outcome.
func (s *Shell) Run(ctx context.Context, command string, within time.Duration) (Outcome, error) {
	term, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	arguments := []string{"bash", "-o", "pipefail", "-c", command}
	if _, err := exec.LookPath("bash"); err != nil {
		arguments = []string{"sh", "-c", command}
	}
	var printed, complaint bounded
	process := exec.CommandContext(term, arguments[0], arguments[1:]...)
	process.Dir, process.Env = s.Dir, append(process.Environ(), s.Env...)
	process.Env = append(process.Env, "LC_ALL=C") // hints know what programs say in English
	process.Stdout, process.Stderr = &printed, &complaint
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	process.WaitDelay = afterglow
	group := func() error { return syscall.Kill(-process.Process.Pid, syscall.SIGKILL) }
	process.Cancel = group
	err := process.Run()
	if process.Process != nil {
		_ = group() // what it left in the background; mostly nothing
	}
	if ctx.Err() != nil {
		return Outcome{}, context.Cause(ctx)
	}
	if process.Process == nil {
		return Outcome{}, fmt.Errorf("run %s in %s: %w", arguments[0], s.Dir, err)
	}
	return Outcome{printed.String(), complaint.String(), process.ProcessState.ExitCode(), errors.Is(term.Err(), context.DeadlineExceeded)}, nil
}

// bounded keeps the first bytes that are written to it.
type bounded struct{ buffer bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.buffer.Write(p[:min(len(p), maxPrinted-b.buffer.Len())])
	return len(p), nil
}

func (b *bounded) String() string { return b.buffer.String() }

// Environment is that of a student's terminal: the programs of kubelab first, and kubectl and kube pointed at one cluster. tools
// is a folder for what the terminal has besides; see [MakeTools].
func Environment(tools, bin, kubeconfig, name string) []string {
	path := tools + string(filepath.ListSeparator) + bin + string(filepath.ListSeparator) + os.Getenv("PATH")
	return append(os.Environ(), "PATH="+path, "KUBECONFIG="+kubeconfig, cluster.NameVariable+"="+name)
}

// sudo runs a command as root with the same programs and the same cluster. Root needs no other program for that.
const sudo = `#!/bin/sh
if [ "$(id -u)" = 0 ]; then
	exec "$@"
fi
IFS=:
for dir in $PATH; do
	if [ "$dir/sudo" != "$0" ] && [ -x "$dir/sudo" ]; then
		exec "$dir/sudo" env "PATH=$PATH" "KUBECONFIG=$KUBECONFIG" "KUBELAB_CLUSTER=$KUBELAB_CLUSTER" "$@"
	fi
done
echo "sudo: there is none on this machine: be root" >&2
exit 1
`

// MakeTools puts into an empty folder what a student's terminal has besides kubelab's own programs: a sudo that knows them.
func MakeTools(dir string) error {
	return os.WriteFile(filepath.Join(dir, "sudo"), []byte(sudo), 0o755)
}
