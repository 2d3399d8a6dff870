//go:build linux

package terminal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// tools is a directory with what a shell needs and is not the person's: it belongs to us, and nobody else writes into it.
type tools string

func (t tools) kubeconfig() string { return filepath.Join(string(t), "kubeconfig") }
func (t tools) start() string      { return filepath.Join(string(t), "bashrc") }
func (t tools) programs() string   { return filepath.Join(string(t), "bin") }

// make makes the directory anew: what an earlier life left may be another person's.
func (t tools) make(o Options, owner *Person) error {
	kubeconfig, err := os.ReadFile(o.Kubeconfig)
	if err != nil {
		return err
	}
	err = os.RemoveAll(string(t))
	for _, dir := range []string{string(t), t.programs()} {
		err = errors.Join(err, os.Mkdir(dir, 0o755))
	}
	if err == nil {
		err = os.WriteFile(t.start(), []byte(t.settings(o.Bin, o.Settings)), 0o644)
	}
	if err == nil {
		err = os.WriteFile(t.kubeconfig(), kubeconfig, 0o600)
	}
	if err == nil && os.Geteuid() == 0 {
		err = os.Chown(t.kubeconfig(), owner.UID, owner.GID)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("prepare the terminal: %w", err), t.remove())
	}
	return nil
}

func (t tools) remove() error { return os.RemoveAll(string(t)) }

// settings is what bash reads first: the person's own settings, then ours.
func (t tools) settings(bin string, variables map[string]string) string {
	text := "[ -r ~/.bashrc ] && . ~/.bashrc\n" +
		"PATH=" + quote(t.programs()) + ":" + quote(bin) + ":$PATH\n" +
		"export KUBECONFIG=" + quote(t.kubeconfig()) + "\n" +
		"PS1='\\W\\$ '\nunset PROMPT_COMMAND\n"
	for name, value := range variables {
		text += "export " + name + "=" + quote(value) + "\n"
	}
	return text
}

// quote makes one word of a text for a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
