//go:build linux

package shim

import (
	"fmt"
	"os"
	"path/filepath"

	"kubelab/kube/containers"
)

// pauseProgram lies beside the shim's own.
const pauseProgram = "kube-pause"

// startPause makes process 1 of the PID namespace that the pod's containers share, if they do.
func (s *server) startPause() error {
	if !s.sandbox.SharePID {
		return nil
	}
	layer := filepath.Join(s.sandbox.Dir, "empty")
	if err := os.MkdirAll(layer, 0o755); err != nil {
		return err
	}
	own, err := os.Executable()
	if err != nil {
		return err
	}
	if err := s.create(containers.Pause(layer, filepath.Join(filepath.Dir(own), pauseProgram))); err != nil {
		return fmt.Errorf("make process 1 of the pod: %w", err)
	}
	pause, err := s.find(containers.PauseID)
	if err != nil {
		return err
	}
	if err := pause.start(); err != nil {
		return fmt.Errorf("start process 1 of the pod: %w", err)
	}
	go s.endWith(pause) // until the shim ends
	return nil
}

// endWith ends the shim when process 1 of the pod has ended: the kernel has killed all others of its namespace, and lets nobody join it.
func (s *server) endWith(pause *container) {
	<-pause.ended
	if s.stopping.Load() {
		return
	}
	if err := s.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "after the end of process 1 of the pod:", err) // whoever misses us does the rest
	}
	os.Exit(1)
}

// hidden says that only the shim knows of the container.
func (c *container) hidden() bool { return c.config.ID == containers.PauseID }

// keep writes the container's status to its file.
func (c *container) keep() error {
	if c.hidden() {
		return nil
	}
	return c.server.sandbox.WriteStatus(c.status)
}
