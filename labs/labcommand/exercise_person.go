//go:build linux

package labcommand

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"kubelab/site/terminal"
)

// becomeCaller gives up root for ever, where sudo gave it, and becomes who said sudo. Files are then that person's too.
func becomeCaller() error {
	name := os.Getenv("SUDO_USER")
	if os.Geteuid() != 0 || name == "" {
		return nil
	}
	caller, err := terminal.FindPerson()
	if err == nil {
		err = errors.Join(syscall.Setgroups(caller.Groups), syscall.Setgid(caller.GID), syscall.Setuid(caller.UID))
	}
	if err != nil {
		return fmt.Errorf("become %s, who called sudo: %w", name, err)
	}
	return errors.Join(os.Setenv("HOME", caller.Home), os.Setenv("USER", name), os.Setenv("LOGNAME", name))
}

// isOurs refuses that root runs what somebody else wrote. A folder that is not there yet is ours.
func isOurs(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) || os.Geteuid() != 0 {
		return nil
	}
	if err != nil {
		return err
	}
	owner := strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Uid))
	if owner == "0" {
		return nil
	}
	if account, err := user.LookupId(owner); err == nil {
		owner = account.Username
	}
	return fmt.Errorf("%s belongs to %s, and root does not run what others wrote: say this as %s", dir, owner, owner)
}
