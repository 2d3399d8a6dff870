//go:build linux

package terminal

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"kubelab/site"
)

// Options say what the shells find.
type Options struct {
	Dir        string            // for what belongs to no person; it is made, and removed at the end
	Kubeconfig string            // of which they get a copy that only the person reads
	Bin        string            // the directory of our programs, which come before all others
	Settings   map[string]string // further variables
}

// Terminal opens shells of one person.
type Terminal struct {
	person *Person
	tools  tools
	mu     sync.Mutex
	begin  string // the directory in which shells begin
}

const shell = "/bin/bash"

// New prepares shells for who started the cluster. [Terminal.Close] takes the copy of the kubeconfig away again.
func New(o Options) (*Terminal, error) {
	owner, err := FindPerson()
	if err != nil {
		return nil, err
	}
	t := &Terminal{person: owner, tools: tools(o.Dir), begin: owner.Home}
	return t, t.tools.make(o, owner)
}

// User is the name of the person.
func (t *Terminal) User() string { return t.person.Name }

// Home is the person's home directory, and whose files are there.
func (t *Terminal) Home() (dir string, uid, gid int) {
	return t.person.Home, t.person.UID, t.person.GID
}

// Programs is a directory for programs that come before all others in these shells.
func (t *Terminal) Programs() string { return t.tools.programs() }

// BeginIn makes the next shells begin in dir.
func (t *Terminal) BeginIn(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begin = dir
}

func (t *Terminal) beginning() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if info, err := os.Stat(t.begin); err != nil || !info.IsDir() {
		return "/"
	}
	return t.begin
}

// Close removes what was prepared. It ends no shell: those end with their browsers.
func (t *Terminal) Close() error { return t.tools.remove() }

// Open starts a shell.
func (t *Terminal) Open(cols, rows uint16) (site.Shell, error) {
	ours, theirs, err := openPTY()
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	defer theirs.Close()
	command := exec.Command(shell, "--rcfile", t.tools.start(), "-i")
	command.Dir, command.Env = t.beginning(), t.person.environment()
	command.Stdin, command.Stdout, command.Stderr = theirs, theirs, theirs
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Credential: t.person.credential()}
	s := &session{terminal: ours, command: command}
	err = s.Resize(cols, rows)
	if command.SysProcAttr.Credential != nil {
		err = errors.Join(err, theirs.Chown(t.person.UID, -1)) // some programs open it by its name
	}
	if err == nil {
		heedHangups()
		err = command.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a shell of %s: %w", t.person.Name, err), ours.Close())
	}
	return s, nil
}

// heedHangups sees to it that a shell hears when its terminal is gone. A program that was started to ignore hangups (by nohup) hands
// that down, and no shell can undo it; a handler is not handed down, and ignores them for us.
func heedHangups() {
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
}

// openPTY makes a pseudo-terminal (pty(7)). Our end does not block, so that closing it ends a Read.
func openPTY() (ours, theirs *os.File, err error) {
	if ours, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0); err != nil {
		return nil, nil, err
	}
	var number int
	err = control(ours, func(fd int) error {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	})
	if err == nil {
		theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, ours.Close())
	}
	return ours, theirs, nil
}

// control calls do with the file's descriptor, which nobody closes meanwhile.
func control(file *os.File, do func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = do(int(fd)) })
	return errors.Join(err, failed)
}
