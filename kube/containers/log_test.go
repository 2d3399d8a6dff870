//go:build linux

package containers_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"kubelab/kube/containers/streams"

	"github.com/google/go-cmp/cmp"
)

func TestALongLineIsLoggedInPartsAndAnUnfinishedOneAsAPart(t *testing.T) {
	p := newPod(t)
	p.runToEnd(busyboxContainer("a", "head -c 40000 /dev/zero | tr '\\0' x; echo; echo short; echo -n unfinished"))
	got := p.output("a")
	x := func(n int) string { return strings.Repeat("x", n) }
	want := []string{
		"stdout P " + x(streams.MaxLogLine), "stdout P " + x(streams.MaxLogLine),
		"stdout F " + x(40000-2*streams.MaxLogLine), "stdout F short", "stdout P unfinished",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStdoutAndStderrDoNotCutEachOthersLines(t *testing.T) {
	p := newPod(t)
	p.runToEnd(busyboxContainer("a", "seq 20000 & seq 20000 >&2; wait"))
	next := map[string]int{}
	for _, line := range p.output("a") {
		stream, text, _ := strings.Cut(line, " F ")
		next[stream]++
		if text != fmt.Sprint(next[stream]) {
			t.Fatalf("line %d of %s is %q", next[stream], stream, text)
		}
	}
	if diff := cmp.Diff(map[string]int{"stdout": 20000, "stderr": 20000}, next); diff != "" {
		t.Error(diff)
	}
}

func TestALogIsBoundedHoweverFastItsWriterAndKeepsTheLatestLines(t *testing.T) {
	p := newPod(t)
	p.runToEnd(busyboxContainer("a", "seq 1000000"))
	rotated, err := os.ReadFile(streams.RotatedLog(p.logPath("a")))
	if err != nil {
		t.Fatal(err)
	}
	current, err := os.ReadFile(p.logPath("a"))
	if err != nil || len(current) > streams.MaxLog || len(rotated) > streams.MaxLog || len(rotated) < streams.MaxLog-512<<10 { // a write of short lines is ten times as long as what was read
		t.Fatalf("%d and %d bytes are kept, %v", len(rotated), len(current), err)
	}
	next := 0
	for line := range strings.Lines(string(rotated) + string(current)) {
		var n int
		if _, err := fmt.Sscan(strings.Fields(line)[3], &n); err != nil || next != 0 && n != next {
			t.Fatalf("after line %d comes %q", next-1, line)
		}
		next = n + 1
	}
	if next != 1000001 {
		t.Errorf("the last line is %d", next-1)
	}
}

func TestReopeningTheLogLosesNoLine(t *testing.T) {
	p := newPod(t)
	p.run(busyboxContainer("a", "for i in $(seq 30000); do echo $i; done"))
	old := p.logPath("a") + ".old"
	waitFor(t, "some output", func() bool { return len(p.output("a")) > 10 })
	if err := os.Rename(p.logPath("a"), old); err != nil {
		t.Fatal(err)
	}
	if err := p.ReopenLog(p.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	p.exit("a")
	before, err := os.ReadFile(old)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Count(string(before), "\n")
	for i, line := range p.output("a") {
		if want := fmt.Sprintf("stdout F %d", lines+i+1); line != want {
			t.Fatalf("after %d lines in the old file, line %d of the new one is %q", lines, i+1, line)
		}
	}
	if total := lines + len(p.output("a")); total != 30000 {
		t.Errorf("%d lines in both files", total)
	}
}
