//go:build linux

package sitecommand

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestWhoStartsTheSiteByHandIsToldWhoDoes(t *testing.T) {
	command := Site(func(name, short string, run func(context.Context) error) *cobra.Command {
		return &cobra.Command{Use: name, Short: short, RunE: func(command *cobra.Command, _ []string) error { return run(command.Context()) }}
	}, nil)
	command.SetArgs([]string{})
	command.SetOut(io.Discard)
	command.SetErr(io.Discard)
	if err := command.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), `"kube up" starts`) || !strings.Contains(err.Error(), "kube site url") {
		t.Errorf("got %v", err)
	}
}
