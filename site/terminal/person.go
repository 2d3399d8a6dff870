//go:build linux

package terminal

import (
	"cmp"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"kubelab/kube/fsuser"
)

// Person is somebody with an account on this machine.
type Person struct {
	Name, Home string
	UID, GID   int
	Groups     []int
}

// FindPerson is who said sudo, or else whoever this process belongs to. Only root believes the environment: for others it
// changes nothing, since they could not become somebody else.
func FindPerson() (*Person, error) {
	name := ""
	if os.Geteuid() == 0 {
		name = os.Getenv("SUDO_USER")
	}
	account, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	if name != "" {
		account, err = user.Lookup(name)
	}
	if err != nil {
		return nil, fmt.Errorf("find who is at work: %w", err)
	}
	found := &Person{Name: account.Username, Home: account.HomeDir}
	if found.UID, err = strconv.Atoi(account.Uid); err != nil {
		return nil, err
	}
	if found.GID, err = strconv.Atoi(account.Gid); err != nil {
		return nil, err
	}
	ids, err := account.GroupIds()
	for _, id := range ids {
		group, err := strconv.Atoi(id)
		if err != nil {
			return nil, err
		}
		found.Groups = append(found.Groups, group)
	}
	return found, err
}

// FindStudent finds who said sudo, else oneself: the home, and whose files are there (of root: 0).
func FindStudent() (home string, owner fsuser.User, err error) {
	student, err := FindPerson()
	if err != nil {
		return "", owner, err
	}
	home = student.Home
	if student.UID == os.Geteuid() { // and may have chosen another one
		home, err = os.UserHomeDir()
	}
	return home, fsuser.User{UID: student.UID, GID: student.GID}, err
}

// credential makes a process the person's; nil: it is anyway.
func (p *Person) credential() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	credential := &syscall.Credential{Uid: uint32(p.UID), Gid: uint32(p.GID)}
	for _, group := range p.Groups {
		credential.Groups = append(credential.Groups, uint32(group))
	}
	return credential
}

// environment is what a login would give, and nothing of ours: root's may hold what is none of this person's business. The
// rest is in what bash reads first.
func (p *Person) environment() []string {
	return []string{
		"USER=" + p.Name, "LOGNAME=" + p.Name, "HOME=" + p.Home, "SHELL=" + shell, "TERM=xterm-256color", "COLORTERM=truecolor",
		"LANG=" + cmp.Or(os.Getenv("LANG"), "C.UTF-8"), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	}
}
