//go:build unix

package access

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"kubelab/kube/fsuser"
)

// UserKubeconfig is the kubeconfig of the person who is at work: the first file in $KUBECONFIG, else
// .kube/config at the home of the one who called sudo, else at one's own.
func UserKubeconfig() (string, error) {
	if files := filepath.SplitList(os.Getenv("KUBECONFIG")); len(files) > 0 && files[0] != "" {
		return filepath.Abs(files[0]) // kube down may be said elsewhere
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

// change edits a kubeconfig with the rights of the user who decides where its path leads: a link that they laid leads root nowhere.
func change(path string, create bool, edit func(*api.Config) bool) error {
	owner, err := fsuser.OwnerOf(path)
	if err != nil {
		return fmt.Errorf("kubeconfig %s: %w", path, err)
	}
	err = owner.Do(func() error { return changeInPlace(path, create, edit) })
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() == 0 {
		return fmt.Errorf("kubeconfig %s: %w: it is changed with the rights of %s, as they own what leads there, and not with root's: "+
			"let the file and its folder be theirs, also where a link leads", path, err, owner)
	}
	return err
}

// changeInPlace edits a kubeconfig under the lock that kubectl takes too.
func changeInPlace(path string, create bool, edit func(*api.Config) bool) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a rename must replace the file, not the link to it
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return fmt.Errorf("kubeconfig %s: %w", path, err)
		}
	}
	unlock, err := lock(path)
	if err != nil {
		return err
	}
	defer unlock()
	config, err := clientcmd.LoadFromFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		config, err = api.NewConfig(), nil
	}
	if err != nil {
		return fmt.Errorf("kubeconfig %s: %w", path, err)
	}
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
	return writeFile(path, encoded, modeSecret)
}

// lock makes the lock file that client-go makes too when kubectl changes a kubeconfig.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock kubeconfig %s: %w (if nothing else changes it now, remove %s.lock)", path, err, path)
	}
	return func() { _ = file.Close(); _ = os.Remove(path + ".lock") }, nil
}
