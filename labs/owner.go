package labs

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Owner is whose files are written; a negative number: whoever we are.
type Owner struct{ UID, GID int }

// do does something with the rights that the owner has to files, and no more. For others than root that changes nothing.
func (o Owner) do(something func() error) error {
	if os.Geteuid() != 0 || o.UID <= 0 {
		return something()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with these rights, nobody else gets it
		err := o.become()
		if err == nil {
			err = something()
		}
		done <- err
	}()
	return <-done
}

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
