//go:build unix

package access

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"syscall"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// UserKubeconfig is the kubeconfig of the person who is at work: the first file in $KUBECONFIG, else
// .kube/config at the home of the one who called sudo, else at one's own.
func UserKubeconfig() (string, error) {
	if files := filepath.SplitList(os.Getenv("KUBECONFIG")); len(files) > 0 && files[0] != "" {
		return files[0], nil
	}
	if name := os.Getenv("SUDO_USER"); name != "" {
		caller, err := user.Lookup(name)
		if err != nil {
			return "", fmt.Errorf("home of %s, who called sudo: %w", name, err)
		}
		return filepath.Join(caller.HomeDir, ".kube", "config"), nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".kube", "config"), err
}

// AddContext puts the context of the kubeconfig at from into the person's own kubeconfig at to, and
// makes it the current one, as kind does. Everything else in there stays.
func AddContext(to, from string) error {
	ours, err := clientcmd.LoadFromFile(from)
	if err != nil {
		return err
	}
	return change(to, true, func(theirs *api.Config) bool {
		name := ours.CurrentContext
		theirs.Clusters[name], theirs.AuthInfos[name], theirs.Contexts[name] = ours.Clusters[name], ours.AuthInfos[name], ours.Contexts[name]
		theirs.CurrentContext = name
		return true
	})
}

// RemoveContext takes out what [AddContext] put in. Where nothing is left, the file goes too.
func RemoveContext(from, name string) error {
	return change(from, false, func(theirs *api.Config) bool {
		if _, there := theirs.Contexts[name]; !there {
			return false
		}
		delete(theirs.Clusters, name)
		delete(theirs.AuthInfos, name)
		delete(theirs.Contexts, name)
		if theirs.CurrentContext == name {
			theirs.CurrentContext = ""
		}
		return true
	})
}

// change edits a kubeconfig in place: under the lock that kubectl takes too, and so that the file still
// belongs to whom it belonged, or to the owner of the home it is new in.
func change(path string, create bool, edit func(*api.Config) bool) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a rename must replace the file, not the link to it
	}
	config, err := clientcmd.LoadFromFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil
		}
		config, err = api.NewConfig(), makeOwned(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("kubeconfig %s: %w", path, err)
	}
	unlock, err := lock(path)
	if err != nil {
		return err
	}
	defer unlock()
	if !edit(config) {
		return nil
	}
	if len(config.Contexts)+len(config.Clusters)+len(config.AuthInfos) == 0 {
		return os.Remove(path)
	}
	encoded, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encode kubeconfig %s: %w", path, err)
	}
	return writeOwned(path, encoded)
}

// lock makes the lock file that client-go makes too when kubectl changes a kubeconfig.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock kubeconfig %s: %w (if nothing else changes it now, remove %s.lock)", path, err, path)
	}
	return func() { _ = file.Close(); _ = os.Remove(path + ".lock") }, nil
}

// makeOwned makes a directory that belongs to the owner of the one it is in.
func makeOwned(dir string) error {
	uid, gid := owner(filepath.Dir(dir))
	if err := os.Mkdir(dir, 0o750); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	return os.Chown(dir, uid, gid)
}

func writeOwned(path string, content []byte) error {
	uid, gid := owner(path)
	if uid < 0 {
		uid, gid = owner(filepath.Dir(path))
	}
	if err := writeFile(path, content, modeSecret); err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}

// owner is who owns path; -1, which chown takes for "leave it", where that cannot be told.
func owner(path string) (uid, gid int) {
	info, err := os.Stat(path)
	if err != nil {
		return -1, -1
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, -1
	}
	return int(stat.Uid), int(stat.Gid)
}
