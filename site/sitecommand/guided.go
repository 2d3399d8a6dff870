//go:build linux

package sitecommand

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"kubelab/kube/fsuser"
	"kubelab/labs"
	"kubelab/site"
	"kubelab/site/terminal"
)

// siteLabs are the guided labs with the shells in which a student does them.
type siteLabs struct {
	all      map[string]*labs.Lab
	shells   *terminal.Terminal
	env      []string // of the checks
	progress *labs.Progress
}

func newSiteLabs(shells *terminal.Terminal, env []string, progress *labs.Progress) (siteLabs, error) {
	all, wrong := labs.Ours.All()
	if wrong != nil {
		slog.Error("some labs cannot be done", "error", wrong)
	}
	l := siteLabs{map[string]*labs.Lab{}, shells, env, progress}
	for _, lab := range all {
		l.all[lab.Name] = lab
	}
	return l, labs.MakeTools(shells.Programs())
}

// Has says whether there is a lab.
func (l siteLabs) Has(name string) bool {
	return l.all[name] != nil
}

// progressTerm is how long the cluster may take to say what is done.
const progressTerm = 2 * time.Second

// Lab is what the pages show. While the cluster does not answer, nothing is marked as done: a lab can be read all the same. A shell that is open may be anywhere, so the first thing to do is to go where the files are.
func (l siteLabs) Lab(ctx context.Context, name string) (any, error) {
	lab := l.all[name]
	if lab == nil {
		return nil, fmt.Errorf("lab %s: %w", name, site.ErrUnknown)
	}
	ctx, cancel := context.WithTimeout(ctx, progressTerm)
	defer cancel()
	kept, err := l.progress.Of(ctx, name)
	if err != nil {
		slog.Warn("cannot tell what is done of a lab", "lab", name, "error", err)
	}
	left, err := l.leftovers(ctx, name)
	if err != nil {
		slog.Warn("cannot tell what other labs have left", "lab", name, "error", err)
	}
	page, err := lab.Page(kept)
	if err == nil && len(page.Steps[0].Run) > 0 {
		page.Steps[0].Run = append([]string{"cd ~/" + lab.Folder()}, page.Steps[0].Run...)
	}
	for _, other := range left {
		page.Leftovers = append(page.Leftovers, labs.PageLab{Name: other.Name, Title: other.Title})
	}
	return page, err
}

// leftovers are the other labs that have left things in the cluster.
func (l siteLabs) leftovers(ctx context.Context, name string) (others []*labs.Lab, err error) {
	left, err := l.progress.Left(ctx)
	for _, other := range left {
		if lab := l.all[other]; lab != nil && other != name {
			others = append(others, lab)
		}
	}
	return others, err
}

// Check runs the checks of a step. Who does a lab gets its files, and shells that begin where they are.
func (l siteLabs) Check(ctx context.Context, name, step string, saw func(any) error) error {
	checker, err := l.begin(name, false)
	if err != nil {
		return err
	}
	if _, _, err := l.find(name, step); err != nil {
		return err
	}
	return checker.Watch(ctx, step, func(report labs.Report) error { return saw(report) })
}

// find finds a step or a challenge.
func (l siteLabs) find(name, id string) (*labs.Step, *labs.Challenge, error) {
	lab := l.all[name]
	if lab == nil {
		return nil, nil, fmt.Errorf("lab %s: %w", name, site.ErrUnknown)
	}
	step, challenge, err := lab.Find(id)
	if err != nil {
		err = fmt.Errorf("%w: %w", site.ErrUnknown, err)
	}
	return step, challenge, err
}

// Predict keeps the answers to the questions of a step.
func (l siteLabs) Predict(ctx context.Context, name, id string, texts []string) error {
	step, _, err := l.find(name, id)
	if err != nil {
		return err
	}
	if step == nil {
		return fmt.Errorf("%w: %s asks for no prediction", site.ErrRefused, id)
	}
	answers, err := step.Accept(texts)
	if err != nil {
		return fmt.Errorf("%w: %w", site.ErrRefused, err)
	}
	return l.progress.Predicted(ctx, name, id, answers)
}

// Hint opens one more hint of a step or a challenge.
func (l siteLabs) Hint(ctx context.Context, name, id string) error {
	step, challenge, err := l.find(name, id)
	if err != nil {
		return err
	}
	grades := 0
	if step != nil {
		grades = step.Grades()
	} else {
		grades = len(challenge.Hints)
	}
	return l.progress.Opened(ctx, name, id, grades)
}

// Begin takes away what the lab made, and makes the fault of a challenge.
func (l siteLabs) Begin(ctx context.Context, name, id string) error {
	_, challenge, err := l.find(name, id)
	if err != nil {
		return err
	}
	if challenge == nil {
		return fmt.Errorf("%w: %s is no challenge", site.ErrRefused, id)
	}
	checker, err := l.begin(name, false)
	if err != nil {
		return err
	}
	return checker.Begin(ctx, challenge)
}

// Reset takes away what a lab made, and gives its files anew.
func (l siteLabs) Reset(ctx context.Context, name string) error {
	checker, err := l.begin(name, true)
	if err != nil {
		return err
	}
	return checker.Reset(ctx)
}

// Tidy takes away what the other labs have left. What is done of them stays done.
func (l siteLabs) Tidy(ctx context.Context, name string) error {
	others, err := l.leftovers(ctx, name)
	if err != nil {
		return err
	}
	var checkers []*labs.Checker
	for _, lab := range others {
		checker, err := l.checker(lab, false)
		if err != nil {
			return err
		}
		checkers = append(checkers, checker)
	}
	return labs.Tidy(ctx, checkers)
}

// begin is a checker for a lab that a student does now: new shells begin where its files are.
func (l siteLabs) begin(name string, again bool) (*labs.Checker, error) {
	lab := l.all[name]
	if lab == nil {
		return nil, fmt.Errorf("lab %s: %w", name, site.ErrUnknown)
	}
	checker, err := l.checker(lab, again)
	if err == nil {
		l.shells.BeginIn(checker.Shell.Dir)
	}
	return checker, err
}

// checker is for a lab whose files lie in the student's home.
func (l siteLabs) checker(lab *labs.Lab, again bool) (*labs.Checker, error) {
	home, uid, gid := l.shells.Home()
	if err := lab.Unpack(home, fsuser.User{UID: uid, GID: gid}, again); err != nil {
		return nil, err
	}
	shell := &labs.Shell{Dir: filepath.Join(home, lab.Folder()), Env: l.env}
	return &labs.Checker{Lab: lab, Shell: shell, Progress: l.progress}, nil
}
