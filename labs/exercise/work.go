package exercise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Work is a student's folder for an exercise, and the repository that it is about.
type Work struct {
	Exercise
	Dir      string       // with the student's files
	Source   string       // the repository
	Progress func(string) // is told what takes time; nil: nobody is
}

// FindSource finds the repository: where a person says, or around one of the places.
func FindSource(said string, places ...string) (string, error) {
	if said != "" {
		places = []string{said}
	}
	for _, place := range places {
		place, err := filepath.Abs(place)
		if err != nil {
			return "", err
		}
		for dir := place; ; dir = filepath.Dir(dir) {
			if module, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && strings.HasPrefix(string(module), "module kubelab\n") {
				return dir, nil
			}
			if dir == filepath.Dir(dir) || said != "" {
				break
			}
		}
	}
	return "", fmt.Errorf("an exercise needs the sources of kubelab, and they are not at %s: say where with --source", strings.Join(places, " or "))
}

func (w Work) reference(file string) string { return filepath.Join(w.Source, w.room(), file) }
func (w Work) own(file string) string       { return filepath.Join(w.Dir, file) }

// Start lays out the files of the exercise. What a student wrote is replaced only by force, and kept beside as plan.go.1.
func (w Work) Start(force bool) error {
	emptied := map[string][]byte{}
	for _, file := range w.Files {
		source, err := os.ReadFile(w.reference(file.Name))
		if err != nil {
			return err
		}
		if emptied[file.Name], err = Empty(source, file.Functions); err != nil {
			return fmt.Errorf("%s: %w", w.reference(file.Name), err)
		}
		if _, err := os.Stat(w.own(file.Name)); err == nil && !force {
			return fmt.Errorf("%s is there already: go on with it, or begin again with --force", w.own(file.Name))
		}
	}
	if err := os.MkdirAll(w.Dir, 0o755); err != nil {
		return err
	}
	for _, file := range w.Files {
		if err := keep(w.own(file.Name)); err != nil {
			return err
		}
		if err := os.WriteFile(w.own(file.Name), emptied[file.Name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// keep moves a file aside, to the first number that is free.
func keep(path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.%d", path, n)
		if _, err := os.Stat(aside); errors.Is(err, fs.ErrNotExist) {
			return os.Rename(path, aside)
		}
	}
}

// started says how to begin where somebody has not.
func (w Work) started() error {
	for _, file := range w.Files {
		if _, err := os.Stat(w.own(file.Name)); err != nil {
			return fmt.Errorf("%w: kube exercise start %s makes it", err, w.Concept)
		}
	}
	return nil
}

// Build builds the programs of a cluster that runs with the student's files, and returns their folder. kubectl is that of
// the folder bin: nothing of an exercise is in it.
func (w Work) Build(ctx context.Context, bin string) (string, error) {
	if err := w.started(); err != nil {
		return "", err
	}
	own := filepath.Join(w.Dir, "bin")
	if err := os.MkdirAll(own, 0o755); err != nil {
		return "", err
	}
	if err := w.compile(ctx, w.own("overlay.json"), nil, "build", "-tags", "seccomp", "-o", own, "./kube/cmd/kube", "./kube/cmd/kube-shim", "./kube/cmd/kube-pause"); err != nil {
		return "", err
	}
	kubectl := filepath.Join(own, "kubectl")
	if err := os.Remove(kubectl); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return own, os.Symlink(filepath.Join(bin, "kubectl"), kubectl)
}

// Diff shows how the student's files differ from the reference.
func (w Work) Diff(ctx context.Context, out io.Writer) error {
	if err := w.started(); err != nil {
		return err
	}
	for _, file := range w.Files {
		command := exec.CommandContext(ctx, "diff", "-u", "--label", "reference/"+file.Name, "--label", "yours/"+file.Name, w.reference(file.Name), w.own(file.Name))
		command.Stdout, command.Stderr = out, out
		if err := command.Run(); err != nil && command.ProcessState.ExitCode() != 1 { // 1: they differ
			return fmt.Errorf("compare %s: %w", file.Name, err)
		}
	}
	return nil
}
