package labs

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// become gives this thread the owner's rights to files.
func (o Owner) become() error {
	if err := unix.Setfsgid(o.GID); err != nil {
		return err
	}
	if err := unix.Setfsuid(o.UID); err != nil {
		return err
	}
	if now, err := unix.SetfsuidRetUid(-1); err != nil || now != o.UID { // the kernel says nothing when it refuses
		return fmt.Errorf("write files as the user %d: still the user %d: %w", o.UID, now, err)
	}
	return nil
}
