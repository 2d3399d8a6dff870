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

// FindPerson is who said sudo, or else whoever this process belongs to, who may have chosen another home (HOME). Only root believes
// SUDO_USER: for others it changes nothing, since they could not become somebody else.
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
	if found.UID == os.Geteuid() {
		found.Home = cmp.Or(os.Getenv("HOME"), found.Home)
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

// Owner is whose the person's files are.
func (p *Person) Owner() fsuser.User { return fsuser.User{UID: p.UID, GID: p.GID} }

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
