//go:build linux

package main

import (
	"io"
	"strings"
	"testing"
)

func TestWhoStartsTheSiteByHandIsToldWhoDoes(t *testing.T) {
	command := newSiteCommand()
	command.SetArgs([]string{})
	command.SetOut(io.Discard)
	command.SetErr(io.Discard)
	if err := command.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), `"kube up" starts`) || !strings.Contains(err.Error(), "kube site url") {
		t.Errorf("got %v", err)
	}
}
