// Command probe tries, from inside of a container, what leads out of one. Each argument is an attempt; a line says how it went.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

const userModeOnly = 1 // UFFD_USER_MODE_ONLY: what the kernel lets anybody have

// key is a key that one container adds and another looks for.
const key = "kubelab-probe"

var attempts = map[string]func() error{
	"new-user-namespace": func() error {
		command := exec.Command("/bin/true")
		command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
		return command.Run()
	},
	"userfaultfd": func() error {
		fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|userModeOnly, 0, 0)
		if errno != 0 {
			return errno
		}
		return unix.Close(int(fd))
	},
	"add-key": func() error {
		_, err := unix.AddKey("user", key, []byte("secret"), unix.KEY_SPEC_SESSION_KEYRING)
		return err
	},
	"find-key": func() error {
		_, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", key, 0)
		return err
	},
	"make-tun": func() error {
		if err := unix.Mknod("/tun", unix.S_IFCHR|0o600, int(unix.Mkdev(10, 200))); err != nil && err != unix.EEXIST {
			return err
		}
		fd, err := unix.Open("/tun", unix.O_RDWR, 0)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	},
}

func main() {
	for _, name := range os.Args[1:] {
		err := attempts[name]()
		if errno := syscall.Errno(0); errors.As(err, &errno) {
			err = errno
		}
		fmt.Println(name+":", err)
	}
}
