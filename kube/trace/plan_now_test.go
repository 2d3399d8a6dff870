package trace_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kubelab/kube/trace"
)

// table is what a person sees of lines, without the times and who.
func table(t *testing.T, lines []trace.Line) []string {
	t.Helper()
	var out bytes.Buffer
	if err := trace.Print(&out, lines, 0); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, row := range strings.Split(strings.TrimSpace(out.String()), "\n")[2:] {
		words := strings.Fields(row)
		rows = append(rows, strings.Join(slices.Delete(words, 1, 3), " "))
	}
	return rows
}

func TestWhatIsDoneToManyObjectsForOneReasonIsOneLineAndSoIsWhatFollows(t *testing.T) {
	record := []trace.Step{step(1, "r1 create deployments/web (request)"),
		step(2, "r2 create pods/a < r1"), step(3, "r3 create pods/b < r1"), step(4, "r4 create pods/c < r1"),
		step(5, "r5 bind pods/b < r3"), step(6, "r6 bind pods/a < r2"),
		step(7, "n1 decide pods/a < r6"), step(8, "n2 decide pods/a < r6"), step(9, "n3 decide pods/b < r5"),
	}
	want := []string{
		"1 create deployments/web (request)",
		"2 create pods/a and 2 more 1",
		"3 bind pods/b and 1 more 2",
		"4 decide pods/a and 1 more 3",
		"5 decide pods/a 3", // a second decision about one pod is another one
	}
	if diff := cmp.Diff(want, table(t, trace.Fold(record))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestALongChainShowsWhatExplainsTheObjectAsItIsNow(t *testing.T) {
	record := []trace.Step{step(0, "r0 create services/web (request)")}
	for i := 1; i < 200; i += 2 { // each pod that becomes ready is an endpoint, and the rules are loaded anew
		record = append(record, step(i, fmt.Sprintf("r%d ready pods/p%d (event)", i, i)), step(i, fmt.Sprintf("r%d update endpointslices/web < r%d r0", i+1, i)),
			step(i+1, fmt.Sprintf("n%d load services/web < r%d", i, i+1)))
	}
	lines, left := trace.Now(record, trace.Ref{Resource: "services", Name: "web"}, 10)
	want := []string{"1 create services/web (request)", "2 ready pods/p199 (event)", "3 update endpointslices/web 1,2", "4 load services/web 3"}
	if diff := cmp.Diff(want, table(t, lines)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := len(record) - 4; left != want {
		t.Errorf("%d steps are left out, want %d", left, want)
	}
}

func TestAChainThatIsStillTooLongShowsTheRequestsAndItsEnd(t *testing.T) {
	record := []trace.Step{step(0, "r0 create pods/a (request)")}
	for i := 1; i < 50; i++ {
		record = append(record, step(i, fmt.Sprintf("r%d update%d pods/a < r%d", i, i, i-1)))
	}
	lines, left := trace.Now(record, trace.Ref{Resource: "pods", Name: "a"}, 2)
	want := []string{"1 create pods/a (request)", "2 update48 pods/a 1 earlier", "3 update49 pods/a 2"}
	if diff := cmp.Diff(want, table(t, lines)); diff != "" || left != 47 {
		t.Errorf("%d left out, want 47 (-want +got):\n%s", left, diff)
	}
}

func TestALineNamesTheNewestOfManyCauses(t *testing.T) {
	var record []trace.Step
	causes := ""
	for i := range 30 {
		record = append(record, step(i, fmt.Sprintf("r%d exit pods/p%d (event)", i, i)))
		causes += fmt.Sprintf(" r%d", i)
	}
	record = append(record, step(40, "r40 update services/web <"+causes+" r99"))
	rows := table(t, trace.Fold(record))
	if got, want := rows[len(rows)-1], "31 update services/web 26,27,28,29,30 and 26 more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhyAnObjectIsAsItIsIsTheStoryOfThatOneAndNotOfAnEarlierOneOfItsName(t *testing.T) {
	record := []trace.Step{step(1, "r1 create pods/web (request)"), step(2, "n1 start pods/web < r1"), step(3, "r2 delete pods/web (request)"),
		step(4, "r3 create pods/web (request)"), step(5, "n2 start pods/web < r3")}
	lines, left := trace.Now(record, trace.Ref{Resource: "pods", Name: "web"}, 10)
	if diff := cmp.Diff([]string{"1 create pods/web (request)", "2 start pods/web 1"}, table(t, lines)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if left != 3 {
		t.Errorf("%d steps are left out, want 3", left)
	}
}

func TestNothingThatATerminalWouldObeyIsPrinted(t *testing.T) {
	hostile := step(1, "r1 create pods/web (request)")
	hostile.Detail, hostile.Component = "x\x1b[31m\u009b31m", "y\x07"
	hostile.Verb, hostile.Object.Name = "create\x1b[31m", "web\x1b]52;c;\x07"
	var out bytes.Buffer
	if err := trace.Print(&out, []trace.Line{{hostile}}, 0); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\u009b\x07") {
		t.Errorf("%q", out.String())
	}
}
