//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// becomeCaller gives up root for ever, where sudo gave it, and becomes who said sudo. Files are then that person's too.
func becomeCaller() error {
	name := os.Getenv("SUDO_USER")
	if os.Geteuid() != 0 || name == "" {
		return nil
	}
	caller, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("become %s, who called sudo: %w", name, err)
	}
	uid, errUID := strconv.Atoi(caller.Uid)
	gid, errGID := strconv.Atoi(caller.Gid)
	ids, errGroups := caller.GroupIds()
	groups := make([]int, len(ids))
	for i, id := range ids {
		if groups[i], err = strconv.Atoi(id); err != nil {
			return err
		}
	}
	if err := errors.Join(errUID, errGID, errGroups); err != nil {
		return err
	}
	if err := errors.Join(syscall.Setgroups(groups), syscall.Setgid(gid), syscall.Setuid(uid)); err != nil {
		return fmt.Errorf("become %s, who called sudo: %w", name, err)
	}
	return errors.Join(os.Setenv("HOME", caller.HomeDir), os.Setenv("USER", name), os.Setenv("LOGNAME", name))
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
