package main

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kubelab/kube/operator/stepmode"
)

func TestEveryLoopOfTheHouseCanBeHeldByItsName(t *testing.T) {
	var names []string
	house := os.DirFS("../..")
	err := fs.WalkDir(house, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := fs.ReadFile(house, path)
		for _, found := range regexp.MustCompile(`component\.Loop\{+\s*Name: "([^"]*)"`).FindAllSubmatch(source, -1) {
			names = append(names, string(found[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, loops); diff != "" {
		t.Errorf("(-declared in the house +known to kube step):\n%s", diff)
	}
	for text, want := range map[string]string{"scheduler": "scheduler", "kubelet@node-2": "kubelet.node-2", "": "", "sheduler": "?"} {
		got, err := stepmode.LoopName(loops, text)
		if err != nil {
			got = "?"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
