package labs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shell is one with the terminal's environment, in a folder of its own.
func shell(t *testing.T) *Shell {
	t.Helper()
	tools := t.TempDir()
	if err := MakeTools(tools); err != nil {
		t.Fatal(err)
	}
	return &Shell{Dir: t.TempDir(), Env: Environment(tools, "/opt/kubelab/bin", "/opt/kubelab/config", "lesson")}
}

func run(t *testing.T, s *Shell, command string, within time.Duration) Outcome {
	t.Helper()
	outcome, err := s.Run(t.Context(), command, within)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func TestACommandSeesOurProgramsAndItsCluster(t *testing.T) {
	s := shell(t)
	got := run(t, s, `echo "$PATH" | cut -d: -f2; echo $KUBECONFIG $KUBELAB_CLUSTER; pwd; sudo sh -c 'echo $KUBECONFIG'`, time.Minute)
	want := "/opt/kubelab/bin\n/opt/kubelab/config lesson\n" + s.Dir + "\n/opt/kubelab/config\n"
	if os.Geteuid() != 0 {
		t.Skip("needs root: elsewhere sudo asks for a password")
	}
	if got.Printed != want {
		t.Errorf("got %q, want %q", got.Printed, want)
	}
}

func TestACommandSpeaksTheLanguageThatHintsAreWrittenInWhateverTheStudentsIs(t *testing.T) {
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	s := &Shell{Dir: t.TempDir(), Env: os.Environ()}
	if got := run(t, s, "cat none", time.Minute); got.Complaint != "cat: none: No such file or directory\n" {
		t.Errorf("it complains: %q", got.Complaint)
	}
}

func TestAPipeFailsWhereAnyPartOfItFails(t *testing.T) {
	if got := run(t, shell(t), "false | cat", time.Minute); got.Code != 1 {
		t.Errorf("%+v", got)
	}
}

func TestACommandThatHangsIsEndedWithAllThatItStarted(t *testing.T) {
	s := shell(t)
	began := time.Now()
	got := run(t, s, "sleep 1000 & echo $! >child; echo began; wait", 200*time.Millisecond)
	if !got.Late || got.Printed != "began\n" || time.Since(began) > 10*time.Second {
		t.Errorf("after %v: %+v", time.Since(began), got)
	}
	gone(t, filepath.Join(s.Dir, "child"))
}

func TestWhatACommandLeavesInTheBackgroundEndsWithIt(t *testing.T) {
	s := shell(t)
	if got := run(t, s, "sleep 1000 & echo $! >child", time.Minute); got.Late || got.Code != 0 {
		t.Errorf("%+v", got)
	}
	gone(t, filepath.Join(s.Dir, "child"))
}

// gone waits until the process whose number is in a file has ended.
func gone(t *testing.T, path string) {
	t.Helper()
	number, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	status := filepath.Join("/proc", strings.TrimSpace(string(number)), "stat")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if stat, err := os.ReadFile(status); errors.Is(err, os.ErrNotExist) || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %s is still there", number)
		}
	}
}

func TestOfWhatACommandPrintsTheFirst64KiBAreKept(t *testing.T) {
	got := run(t, shell(t), "head -c 1000000 /dev/zero", time.Minute)
	if len(got.Printed) != 64<<10 || got.Code != 0 {
		t.Errorf("%d bytes, exit code %d", len(got.Printed), got.Code)
	}
}

func TestACommandEndsWithWhoeverWantedIt(t *testing.T) {
	why := errors.New("the step was closed")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := shell(t).Run(ctx, "sleep 1000", time.Minute); !errors.Is(err, why) {
		t.Error(err)
	}
}

func TestAFolderThatIsNotThereIsAnErrorAndNoOutcome(t *testing.T) {
	if _, err := (&Shell{Dir: "/no/such/folder"}).Run(t.Context(), "true", time.Minute); err == nil || !strings.Contains(err.Error(), "/no/such/folder") {
		t.Error(err)
	}
}
