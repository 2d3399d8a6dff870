// Package fsuser lets root do something to files with the rights of a user.
//
// # The problem
//
// "sudo kube up" enters the cluster in the kubeconfig of the person who said sudo, and labs lay files into their home. A home is its
// owner's: they may lay a link there, before or meanwhile, to a file that only root may write. If root wrote as root, it
// would write that one.
//
// # The idea
//
// Root looks for no links: it could not see one that is laid a moment later. It gives up its rights to files for as long as it
// takes, in one thread. Linux has two numbers for this, the fsuid and the fsgid (setfsuid(2)): then the kernel refuses what it
// would refuse the user, and what is made belongs to the user.
//
// # What is simplified
//
// Of the user's groups only the first counts: what they may write as a member of another one is refused.
package fsuser

import (
	"os"
	"os/user"
	"runtime"
	"strconv"
)

// User is whose rights to files count.
type User struct{ UID, GID int }

// Self is whoever we are.
var Self = User{-1, -1}

// Do does something with the rights that the user has to files, and no more. What it does must not go on in other goroutines.
// For [Self] and root, and where we are not root, that changes nothing.
func (u User) Do(something func() error) error {
	if os.Geteuid() != 0 || u.UID <= 0 {
		return something()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with these rights, nobody else gets it
		err := u.become()
		if err == nil {
			err = something()
		}
		done <- err
	}()
	return <-done
}

// String is the user's name, or else number.
func (u User) String() string {
	if account, err := user.LookupId(strconv.Itoa(u.UID)); err == nil {
		return account.Username
	}
	return "user " + strconv.Itoa(u.UID)
}
