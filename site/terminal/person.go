//go:build linux

package terminal

import (
	"cmp"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// person is whose shells they are.
type person struct {
	name, home string
	uid, gid   int
	groups     []uint32
}

// findPerson is who said sudo, or else whoever this process belongs to. Only root believes the environment: for others it
// changes nothing, since they could not become somebody else.
func findPerson() (*person, error) {
	name := ""
	if os.Geteuid() == 0 {
		name = os.Getenv("SUDO_USER")
	}
	account, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	if name != "" {
		account, err = user.Lookup(name)
	}
	if err != nil {
		return nil, fmt.Errorf("find whose shell it is to be: %w", err)
	}
	found := &person{name: account.Username, home: account.HomeDir}
	if found.uid, err = strconv.Atoi(account.Uid); err != nil {
		return nil, err
	}
	if found.gid, err = strconv.Atoi(account.Gid); err != nil {
		return nil, err
	}
	ids, err := account.GroupIds()
	for _, id := range ids {
		group, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, err
		}
		found.groups = append(found.groups, uint32(group))
	}
	return found, err
}

// credential makes a process the person's; nil: it is anyway.
func (p *person) credential() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.gid), Groups: p.groups}
}

// environment is what a login would give, and nothing of ours: root's may hold what is none of this person's business. The
// rest is in what bash reads first.
func (p *person) environment() []string {
	return []string{
		"USER=" + p.name, "LOGNAME=" + p.name, "HOME=" + p.home, "SHELL=" + shell, "TERM=xterm-256color", "COLORTERM=truecolor",
		"LANG=" + cmp.Or(os.Getenv("LANG"), "C.UTF-8"), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	}
}
