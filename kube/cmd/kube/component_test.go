//go:build linux

package main

import (
	"context"
	"syscall"
	"testing"
)

func TestAComponentMakesFilesThatPodsCanReadWhateverItsCallersUmaskIs(t *testing.T) {
	before := syscall.Umask(0o077)
	defer syscall.Umask(before)
	umask := -1
	command := newComponentCommand("test", "", func(context.Context) error {
		umask = syscall.Umask(usualUmask)
		return nil
	})
	command.SetArgs(nil)
	if err := command.ExecuteContext(t.Context()); err != nil || umask != usualUmask {
		t.Errorf("umask %03o, %v", umask, err)
	}
}
