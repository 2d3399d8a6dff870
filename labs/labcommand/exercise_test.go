//go:build linux

package labcommand

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kubelab/labs/exercise"
)

func TestWhoSaidSudoCompilesAndRunsAnExerciseAndNotRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: nobody else can become somebody")
	}
	if os.Getenv("KUBELAB_TEST_BECOME") != "" {
		if err := becomeCaller(); err != nil {
			t.Fatal(err)
		}
		said, err := exec.Command("sh", "-c", "echo uid $(id -u), groups $(id -G), home $HOME; cat /etc/shadow").CombinedOutput()
		t.Logf("%s%v", said, err)
		return
	}
	self := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	self.Env = append(os.Environ(), "KUBELAB_TEST_BECOME=1", "SUDO_USER=nobody")
	said, err := self.CombinedOutput()
	if want := "uid 65534, groups 65534, home /nonexistent\n"; err != nil || !strings.Contains(string(said), want) || !strings.Contains(string(said), "Permission denied") {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestRootRunsNothingThatSomebodyElseWrote(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: only root can give a folder away")
	}
	dir := t.TempDir()
	if err := isOurs(dir); err != nil {
		t.Error(err)
	}
	if err := isOurs(filepath.Join(dir, "not there yet")); err != nil {
		t.Error(err)
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := isOurs(dir); err == nil || !strings.Contains(err.Error(), "belongs to nobody") {
		t.Error(err)
	}
}

func TestRulesThatWaitAreToldByTheFunctionThatIsStillEmpty(t *testing.T) {
	source, err := exercise.FindSource("", ".")
	if err != nil {
		t.Fatal(err)
	}
	work := exercise.Work{Exercise: named(t, "scheduler"), Dir: t.TempDir(), Source: source}
	if err := work.Start(false); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	waiting := map[string][]string{"refusal": {"One", "Two"}, "rank": {"Three"}}
	if err := tellGaps(&out, work, waiting); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n2 rules wait for refusal (plan.go:", "):\n        One\n        Two\n", "\n1 rule waits for rank (plan.go:",
		"no rule gets that far yet: best (plan.go:", "), checkResources (plan_filters.go:", "), rateFree (plan_scores.go:",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in:\n%s", want, out.String())
		}
	}
}

func TestTheLineOfProgressIsOffBeforeWhatStays(t *testing.T) {
	var screen bytes.Buffer
	p := &progress{out: &screen, terminal: true}
	p.tell("compiles")
	if _, err := p.before(&screen).Write([]byte("passed\n")); err != nil {
		t.Fatal(err)
	}
	p.clear()
	if got, want := screen.String(), "\r\033[Kcompiles\r\033[Kpassed\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestWhoRunsHisOwnCodeLearnsHowToTakeTheNextVersionAndWhereToLook(t *testing.T) {
	var out bytes.Buffer
	if err := tellHowToRun(&out, exercise.Work{Exercise: named(t, "replicasets")}, "/home/ann/bin"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{" up --detach --name replicasets\n", " kill controllers --name replicasets\n", " why RESOURCE/NAME", " down --name replicasets\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in:\n%s", want, out.String())
		}
	}
}

// named is the exercise of a concept.
func named(t *testing.T, concept string) exercise.Exercise {
	t.Helper()
	found, err := exercise.Find(concept)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
