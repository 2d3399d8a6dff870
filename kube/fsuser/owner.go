//go:build unix

package fsuser

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxLinks is how many links a path may lead through, as it is to the kernel.
const maxLinks = 40

// OwnerOf is who decides where a path leads: the owner of the first thing on the way from / that is not root's, be it a
// folder, a file or a link. Whatever comes behind it, they may have laid. If all of it is root's, or is not there, it is root.
func OwnerOf(path string) (User, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return User{}, err
	}
	return ownerOf(absolute, maxLinks)
}

func ownerOf(path string, links int) (User, error) {
	way := ""
	for rest := path; rest != ""; {
		var name string
		if name, rest, _ = strings.Cut(rest, "/"); name == "" {
			continue
		}
		way += "/" + name
		info, err := os.Lstat(way)
		if errors.Is(err, fs.ErrNotExist) {
			return User{}, nil
		}
		if err != nil {
			return User{}, err
		}
		if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 0 {
			return account(int(stat.Uid), int(stat.Gid)), nil
		}
		if info.Mode().Type() == fs.ModeSymlink {
			return ownerBehind(way, rest, links)
		}
	}
	return User{}, nil
}

// ownerBehind goes on where a link of root leads.
func ownerBehind(link, rest string, links int) (User, error) {
	target, err := os.Readlink(link)
	if err == nil && links == 0 {
		err = &fs.PathError{Op: "follow", Path: link, Err: syscall.ELOOP}
	}
	if err != nil {
		return User{}, err
	}
	if !filepath.IsAbs(target) {
		target = filepath.Dir(link) + "/" + target
	}
	return ownerOf(target+"/"+rest, links-1)
}

// account is a user with their own group. That of the file is taken for it where the machine does not know them.
func account(uid, gid int) User {
	if known, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		if own, err := strconv.Atoi(known.Gid); err == nil {
			gid = own
		}
	}
	return User{uid, gid}
}
