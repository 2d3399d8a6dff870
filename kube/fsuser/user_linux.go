package fsuser

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// become gives this thread the user's rights to files, and takes root's.
func (u User) become() error {
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 { // of this thread only: syscall.Setgroups changes all
		return fmt.Errorf("leave root's groups: %w", errno)
	}
	if err := unix.Setfsgid(u.GID); err != nil {
		return err
	}
	if err := unix.Setfsuid(u.UID); err != nil {
		return err
	}
	gid, err := unix.SetfsgidRetGid(-1) // the kernel says nothing when it refuses
	if err != nil || gid != u.GID {
		return fmt.Errorf("use files as the group %d: still the group %d: %w", u.GID, gid, err)
	}
	if uid, err := unix.SetfsuidRetUid(-1); err != nil || uid != u.UID {
		return fmt.Errorf("use files as the user %d: still the user %d: %w", u.UID, uid, err)
	}
	return nil
}
