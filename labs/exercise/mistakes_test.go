package exercise

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// solvedButFor is the exercise of ReplicaSets, solved, with one text of the reference replaced.
func solvedButFor(t *testing.T, old, new string) Work {
	t.Helper()
	source, err := FindSource("", ".")
	if err != nil {
		t.Fatal(err)
	}
	w := Work{Exercise: named(t, "replicasets"), Dir: t.TempDir(), Source: source}
	solve(t, w)
	content, err := os.ReadFile(w.own("plan.go"))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(content), old, new, 1)
	if changed == string(content) {
		t.Fatalf("the reference has no %q", old)
	}
	if err := os.WriteFile(w.own("plan.go"), []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// lineOf is where in the student's file a text is.
func lineOf(t *testing.T, w Work, text string) string {
	t.Helper()
	content, err := os.ReadFile(w.own("plan.go"))
	before, _, found := strings.Cut(string(content), text)
	if err != nil || !found {
		t.Fatalf("%q is not there: %v", text, err)
	}
	return fmt.Sprintf("%s:%d", w.own("plan.go"), strings.Count(before, "\n")+1)
}

func TestAMistakeOfTheCompilerNamesTheStudentsFile(t *testing.T) {
	for wrong, says := range map[string]string{
		"func (":                           "expected",
		"func wrong() int { return \"\" }": "cannot use",
		"import \"C\"":                     "needs no C",
	} {
		w := solvedButFor(t, "// burst is", wrong+"\n\n// burst is")
		if strings.HasPrefix(wrong, "import") {
			w = solvedButFor(t, "import (", wrong+"\n\nimport (")
		}
		err := w.Test(t.Context(), func(Verdict) {})
		if err == nil || !strings.Contains(err.Error(), w.own("plan.go")+":") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", wrong, err)
		}
		if _, err := w.Build(t.Context(), ""); err == nil || !strings.Contains(err.Error(), w.own("plan.go")+":") {
			t.Errorf("to build a cluster with %s: %v", wrong, err)
		}
	}
}

func TestTheCompilerMeansTheStudentsFileByWhateverPath(t *testing.T) {
	for _, c := range []struct{ source, dir, says, want string }{
		{"/src", "/tmp/work", "kube/replicasets/plan.go:3:1: no", "/tmp/work/plan.go:3:1: no"},
		{"/src", "/tmp/work", "./kube/replicasets/plan.go:3:1: no", "/tmp/work/plan.go:3:1: no"},
		{"/src", "/tmp/work", "/tmp/work/plan.go:3:1: no", "/tmp/work/plan.go:3:1: no"},
		{"/tmp/src", "/tmp/work", "../work/plan.go:3:1: no", "/tmp/work/plan.go:3:1: no"},
		{"/src", "/src/mine", "mine/plan.go:3:1: no", "/src/mine/plan.go:3:1: no"},
		{"/src", "/home/kube/replicasets", "/home/kube/replicasets/plan.go:3:1: no", "/home/kube/replicasets/plan.go:3:1: no"},
		{"/src", "/my work", "# kubelab\n../my work/plan.go:3:1: no\n\t../my work/plan.go:5:1: other", "# kubelab\n/my work/plan.go:3:1: no\n\t/my work/plan.go:5:1: other"},
		{"/src", "/tmp/work", "kube/replicasets/kind.go:3:1: no", "kube/replicasets/kind.go:3:1: no"},
	} {
		w := Work{Exercise: named(t, "replicasets"), Dir: c.dir, Source: c.source}
		if diff := cmp.Diff(c.want, w.inOwnFiles(c.says)); diff != "" {
			t.Errorf("%+v: %s", c, diff)
		}
	}
}

func TestWhatHasNoEndIsNamedByItsLineAndIsTriedOnce(t *testing.T) {
	for name, c := range map[string]struct{ loop, at, says string }{
		"a loop":      {"for i := 0; ; {\n\t\ti++\n\t}", "i++", "has not ended after 10s"},
		"an eater":    {"for {\n\t\tpods = append(pods, nil)\n\t}", "pods = append", "takes more than 2 GiB of memory"},
		"a recursion": {"if now.Year() > 0 {\n\t\treturn Decide(rs, nil, now)\n\t}", "", "takes more than 2 GiB of memory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := solvedButFor(t, "var plan Plan\n", c.loop+"\n\tvar plan Plan\n")
			var verdicts []Verdict
			err := w.Test(t.Context(), func(v Verdict) { verdicts = append(verdicts, v) })
			if err == nil || !strings.Contains(err.Error(), "endless loop") {
				t.Errorf("the tests end with: %v", err)
			}
			at := w.own("plan.go") + ":"
			if c.at != "" {
				at = lineOf(t, w, c.at)
			}
			if len(verdicts) != 1 || verdicts[0].Passed || !strings.HasPrefix(verdicts[0].Said, c.says+"\nat "+at) {
				t.Errorf("%+v, want %s at %s", verdicts, c.says, at)
			}
		})
	}
}

func TestATestThatIsWrittenOffDoesNotWaitForAFunction(t *testing.T) {
	w := solvedButFor(t, "plan.Create = min(", "plan.Create = 1 + min(")
	_, failed := verdicts(t, w)
	if len(failed) == 0 || failed[0].Waits != "" || !strings.HasPrefix(failed[0].Said, "plan_test.go") ||
		!strings.Contains(failed[0].Said, "\n    - \t") && !strings.Contains(failed[0].Said, "\n    -\u00a0\t") {
		t.Errorf("%+v", failed)
	}
}

func TestOfARoomOnlyWhatItsPlansNeedIsCompiled(t *testing.T) {
	each(t, func(t *testing.T, w Work) {
		unneeded, err := w.unneeded()
		_, missing := os.Stat(w.reference("operator.go")) // not each room has one
		if err != nil || missing == nil && !slices.Contains(unneeded, w.reference("operator.go")) || slices.Contains(unneeded, w.reference("plan.go")) {
			t.Errorf("not needed: %v, %v", unneeded, err)
		}
	})
}

func TestWhatTheStudentsFileUsesIsCompiledToo(t *testing.T) {
	w := solvedButFor(t, "var plan Plan\n", "_, _ = New(nil)\n\tvar plan Plan\n")
	unneeded, err := w.unneeded()
	if err != nil || slices.Contains(unneeded, w.reference("operator.go")) {
		t.Errorf("operator.go has New, and is not needed: %v, %v", unneeded, err)
	}
}

func TestWhoWaitsForTheCompilerSeesHowFarItIs(t *testing.T) {
	var told []string
	o := compilerOutput{tell: func(line string) { told = append(told, line) }}
	for _, part := range []string{"fmt\nku", "belab/kube/api\n# kubelab/kube/x\n", "x.go:1:2: undefined: y\n"} {
		if n, err := o.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if want := []string{"compiles: 1 packages so far, fmt", "compiles: 2 packages so far, kubelab/kube/api"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	if got, want := o.complaint.String(), "# kubelab/kube/x\nx.go:1:2: undefined: y\n"; got != want {
		t.Errorf("complains %q, want %q", got, want)
	}
}
