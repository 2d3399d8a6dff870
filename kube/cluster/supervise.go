//go:build linux

package cluster

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"
)

// glance is how often the supervisor looks at the cluster though nothing ended: somebody else may have
// started something since.
const glance = time.Second

// Supervise starts again what ends of a cluster and was not switched off by a person. It returns nil when
// the cluster was taken down, and ctx's error when ctx is done.
func Supervise(ctx context.Context, name string) error {
	if err := takeOver(name); err != nil {
		return ifUp(err)
	}
	s := &supervisor{name: name, ended: make(chan string), watched: map[Process]bool{}, history: map[string]*history{}}
	ctx, cancel := context.WithCancel(ctx)
	defer s.watchers.Wait()
	defer cancel()
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for {
		err := s.look(ctx)
		switch {
		case errors.Is(err, ErrNotUp):
			return nil
		case err != nil:
			slog.Error("cannot start what ended", "cluster", name, "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case ended := <-s.ended:
			s.pause(ctx, ended)
		case <-ticker.C:
		}
	}
}

// takeOver takes down that this process is the supervisor.
func takeOver(name string) error {
	self, err := identify(os.Getpid())
	if err != nil {
		return err
	}
	c, err := open(name)
	if err != nil {
		return err
	}
	defer c.release()
	return c.change(func(state *State) { state.Supervisor = self })
}

// background is the name of a supervisor that runs in the background: it ends with the cluster, as hosts do.
const background = "supervise"

// Detach starts a supervisor in the background. The caller is none any more.
func Detach(ctx context.Context, name string) error {
	c, err := open(name)
	if err != nil {
		return err
	}
	defer c.release()
	return c.startHere(ctx, Component{background, []string{"--name", name}}, func(process Process) error {
		return c.change(func(state *State) { state.Supervisor, state.Processes[background] = process, process })
	})
}

// Unsupervised says whether a cluster runs with nobody to start again what ends: its supervisor was killed.
func Unsupervised(name string) (Spec, bool) {
	state, err := readState(name)
	return state.Spec, err == nil && state.before() == Hosts
}

// ifUp drops the error that the cluster is not up.
func ifUp(err error) error {
	if errors.Is(err, ErrNotUp) {
		return nil
	}
	return err
}

type supervisor struct {
	name     string
	ended    chan string
	watchers sync.WaitGroup
	watched  map[Process]bool
	history  map[string]*history
}

// history is what decides on the pause before the next start.
type history struct {
	began time.Time
	pause time.Duration
}

// look is one turn of the loop: what is there, what is wanted, start the difference.
func (s *supervisor) look(ctx context.Context) error {
	c, err := open(s.name)
	if err != nil {
		return err
	}
	defer c.release()
	if len(Plan(c.Spec, c.observe())) > 0 {
		pki, err := c.prepare(ctx)
		if err != nil {
			return err
		}
		if err := c.start(ctx, pki); err != nil {
			return err
		}
	}
	s.watch(ctx, c.state.Processes)
	return nil
}

// watch waits for the end of each process that is new.
func (s *supervisor) watch(ctx context.Context, processes map[string]Process) {
	for name, process := range processes {
		if s.watched[process] || !process.Alive() {
			continue
		}
		s.watched[process] = true
		if s.history[name] == nil {
			s.history[name] = &history{}
		}
		s.history[name].began = time.Now()
		s.watchers.Go(func() {
			for ctx.Err() == nil {
				if process.Wait(glance) { // in turns, to see that ctx is done
					select {
					case s.ended <- name:
					case <-ctx.Done():
					}
					return
				}
			}
		})
	}
}

// pause lets some time pass before what ended is started again: the longer, the oftener it ended.
func (s *supervisor) pause(ctx context.Context, name string) {
	h := s.history[name]
	h.pause = Pause(h.pause, time.Since(h.began))
	slog.Info("ended", "process", name)
	select {
	case <-ctx.Done():
	case <-time.After(h.pause):
	}
}
