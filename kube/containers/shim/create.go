//go:build linux

package shim

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"kubelab/kube/containers"
	"kubelab/kube/containers/streams"
	"kubelab/kube/removal"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/sirupsen/logrus"
)

// container is one of the pod's containers.
type container struct {
	server *server
	config containers.Config
	spec   *specs.Spec
	box    *libcontainer.Container
	first  *libcontainer.Process // what becomes the command
	io     stdio
	log    *streams.LogFile

	starting chan struct{} // full while libcontainer starts a process of it, and has it locked

	busy   sync.Mutex    // held while it is created or removed
	ready  bool          // creation is over; guarded by the server's lock
	told   bool          // its exit went to the followers; guarded by the server's lock
	ended  chan struct{} // closed when the exit is known and written
	mu     sync.Mutex    // guards status
	status containers.Status
}

func (c *container) currentStatus() containers.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// create does all that comes before the command begins. After an error nothing of it is left.
func (s *server) create(config containers.Config) error {
	if err := containers.CheckID(config.ID); err != nil {
		return err
	}
	if len(config.Args) == 0 || len(config.Layers) == 0 {
		return fmt.Errorf("container %s: a command and at least one image layer are needed", config.ID)
	}
	c := &container{server: s, config: config, starting: make(chan struct{}, 1), ended: make(chan struct{})}
	c.busy.Lock()
	defer c.busy.Unlock()
	s.mu.Lock()
	taken := s.containers[config.ID] != nil
	if !taken {
		s.containers[config.ID] = c
	}
	s.mu.Unlock()
	if taken {
		return fmt.Errorf("container %s: %w", config.ID, containers.ErrExists)
	}
	if err := c.create(); err != nil {
		return errors.Join(fmt.Errorf("create container: %w", err), c.remove())
	}
	s.mu.Lock()
	c.ready = true
	s.mu.Unlock()
	if c.currentStatus().State == containers.Exited {
		c.over()
	} else {
		go c.watch() // until it exits
	}
	return nil
}

func (c *container) create() error {
	if err := c.mountRoot(); err != nil {
		return err
	}
	if err := c.makeBox(); err != nil {
		return err
	}
	var err error
	if c.log, err = streams.OpenLog(c.config.LogPath); err != nil {
		return err
	}
	if c.first, err = c.process(containers.ExecConfig{Args: c.config.Args}); err != nil {
		return err
	}
	c.first.Init = true
	if err := c.io.open(c); err != nil {
		return err
	}
	err = c.startBox()
	c.io.handedOver()
	if err != nil {
		return c.neverBegan(err)
	}
	if err := c.begin(); err != nil {
		c.first.Signal(syscall.SIGKILL)
		c.first.Wait()
		return err
	}
	return nil
}

// startBox makes the first process, up to where it waits to become the command.
func (c *container) startBox() error {
	return c.startProcess(c.first, nil, func() { containers.KillCgroup(c.server.sandbox.CgroupPath(c.config.ID)) })
}

// startProcess makes a process, up to where it is, or waits to become, its command. What does not come to that point, or nobody
// waits for any more, is killed: a file that it must read, in the image or a volume, may be a pipe that nobody writes to.
func (c *container) startProcess(p *libcontainer.Process, gone <-chan struct{}, kill func()) error {
	patience := time.After(cmp.Or(c.config.Patience, time.Minute))
	tooLate := fmt.Errorf("it could not be made within %v, and was killed", cmp.Or(c.config.Patience, time.Minute))
	select {
	case c.starting <- struct{}{}:
		defer func() { <-c.starting }()
	case <-patience:
		return tooLate
	case <-gone:
		return errGone
	}
	started := make(chan error, 1)
	go func() { started <- c.box.Start(p) }() // waited for below
	var why error
	select {
	case err := <-started:
		return plainError(err)
	case <-patience:
		why = tooLate
	case <-gone:
		why = errGone
	}
	for {
		kill()
		select {
		case err := <-started:
			if err == nil { // libcontainer takes the silence of what was killed for consent
				p.Signal(syscall.SIGKILL)
				p.Wait()
			}
			return why
		case <-time.After(10 * time.Millisecond): // it had not come to where it can be killed
		}
	}
}

var errGone = errors.New("who asked for it has hung up")

// neverBegan notes that the container has exited before it began.
func (c *container) neverBegan(why error) error {
	c.io.close()
	now := time.Now()
	return c.record(containers.Status{State: containers.Exited, CreatedAt: now, FinishedAt: now,
		ExitCode: containers.StartErrorCode, Reason: containers.ReasonStartError, Message: why.Error()})
}

// record writes down the first status of the container, after its note.
func (c *container) record(status containers.Status) error {
	if err := c.server.sandbox.WriteNote(c.config.ID, c.config.Note); err != nil {
		return err
	}
	status.ID, status.Note = c.config.ID, c.config.Note
	c.status = status
	return c.keep()
}

// begin is for when the first process is there, and waits to become the command.
func (c *container) begin() error {
	if err := c.io.begin(c.log); err != nil {
		return err
	}
	pid, err := c.first.Pid()
	if err != nil {
		return err
	}
	return c.record(containers.Status{State: containers.Created, PID: pid, CreatedAt: time.Now()})
}

// mountRoot stacks the image's layers, which stay as they are, under a directory that takes what the container writes.
func (c *container) mountRoot() error {
	sandbox, id := c.server.sandbox, c.config.ID
	root, upper, work := sandbox.RootDir(id), sandbox.UpperDir(id), filepath.Join(sandbox.ContainerDir(id), "work")
	for _, dir := range []string{root, upper, work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	var lower []string
	escape := strings.NewReplacer(`\`, `\\`, `:`, `\:`, `,`, `\,`)
	for _, layer := range c.config.Layers {
		lower = append([]string{escape.Replace(layer)}, lower...) // overlayfs wants the highest first
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", strings.Join(lower, ":"), escape.Replace(upper), escape.Replace(work))
	if len(options) >= os.Getpagesize() {
		return fmt.Errorf("%d image layers are more than the kernel mounts at once: shorten the data directory's path", len(lower))
	}
	if err := syscall.Mount("overlay", root, "overlay", 0, options); err != nil {
		return fmt.Errorf("mount the root file system (%s): %w", options, err)
	}
	return nil
}

// processesOf is the PID namespace of a container that runs.
func (s *server) processesOf(id string) (string, error) {
	if id == "" {
		return "", nil
	}
	s.mu.Lock()
	target := s.containers[id]
	s.mu.Unlock()
	if target == nil {
		return "", fmt.Errorf("share processes of %s: %w", id, containers.ErrNotFound)
	}
	is := target.currentStatus()
	if is.State != containers.Running {
		return "", fmt.Errorf("share processes of %s: %w", id, containers.ErrNotRunning)
	}
	return fmt.Sprintf("/proc/%d/ns/pid", is.PID), nil
}

// makeBox tells libcontainer what to make. Nothing runs yet.
func (c *container) makeBox() error {
	s, host := c.server, c.server.host
	var err error
	if c.config.Privileged {
		if host.Devices, err = allDevices(); err != nil {
			return err
		}
	}
	if host.Processes, err = s.processesOf(c.config.ProcessesOf); err != nil {
		return err
	}
	user, err := lookupUser(s.sandbox.RootDir(c.config.ID), c.config.User, c.config.Groups)
	if err != nil {
		return err
	}
	c.spec = containers.Spec(s.sandbox, c.config, user, host)
	if c.spec.Linux.Seccomp, err = seccompProfile(c.config, c.spec); err != nil {
		return err
	}
	config, err := specconv.CreateLibcontainerConfig(&specconv.CreateOpts{CgroupName: c.config.ID, Spec: c.spec})
	if err != nil {
		return err
	}
	if !c.config.Privileged {
		config.Cgroups.Resources.Devices = slices.DeleteFunc(config.Cgroups.Resources.Devices, makesNetworks)
	}
	c.box, err = libcontainer.Create(filepath.Join(s.sandbox.ContainerDir(c.config.ID), "libcontainer"), c.config.ID, config)
	return err
}

// process prepares a command of the container's, the first or a further one.
func (c *container) process(e containers.ExecConfig) (*libcontainer.Process, error) {
	usual := c.spec.Process
	p := &libcontainer.Process{Args: e.Args, Cwd: cmp.Or(e.Cwd, usual.Cwd), Env: slices.Concat(usual.Env, e.Env)}
	p.LogLevel = strconv.Itoa(int(logrus.WarnLevel)) // otherwise libcontainer sends us dozens of debug messages
	user := containers.User{UID: usual.User.UID, GID: usual.User.GID, Groups: usual.User.AdditionalGids}
	if e.User != "" {
		var err error
		if user, err = lookupUser(c.server.sandbox.RootDir(c.config.ID), e.User, c.config.Groups); err != nil {
			return nil, err
		}
	}
	p.UID, p.GID = int(user.UID), int(user.GID)
	for _, gid := range user.Groups {
		p.AdditionalGroups = append(p.AdditionalGroups, int(gid))
	}
	return p, nil
}

// plainError leaves out how libcontainer got to an error that a user can understand by itself.
func plainError(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, prefix := range []string{"unable to start container process: ", "error during container init: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return errors.New(text)
}

// remove takes away all that create made, as far as it came.
func (c *container) remove() error {
	s, id := c.server, c.config.ID
	failed := c.release()
	if failed == nil {
		failed = removal.All(s.sandbox.ContainerDir(id))
	}
	if failed != nil {
		return fmt.Errorf("remove container %s: %w", id, failed)
	}
	s.mu.Lock()
	delete(s.containers, id)
	s.mu.Unlock()
	return nil
}

// release takes away everything but the container's files.
func (c *container) release() error {
	var failed error
	if c.box != nil {
		failed = c.box.Destroy()
	}
	c.io.close()
	if c.log != nil {
		c.log.Close()
	}
	return errors.Join(failed, c.server.sandbox.UnmountRoot(c.config.ID))
}
