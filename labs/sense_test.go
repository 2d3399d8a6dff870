package labs

import (
	"regexp"
	"testing"
)

// ends finds a command that runs in a container and ends it.
var ends = regexp.MustCompile(`exec .*-- .*\b(killall\b|kill (-\S+ )?1\b)`)

// bears finds that it may end with the container.
var bears = regexp.MustCompile(`\|\| true|;`)

func TestACommandMayEndWithTheContainerThatItEnds(t *testing.T) {
	all, err := Ours.All()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, lab := range all {
		for _, step := range lab.Steps {
			commands := step.Run
			for _, hold := range step.Holds {
				commands = append(append(commands[:len(commands):len(commands)], hold.Worse...), hold.Mend...)
			}
			for _, command := range commands {
				if !ends.MatchString(command.Do) {
					continue
				}
				if found++; !bears.MatchString(command.Do) {
					t.Errorf("lab %s, step %s: %q fails if the container takes it along: add || true", lab.Name, step.ID, command.Do)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no lab ends a container from inside: this test looks for the wrong words")
	}
}

// waits finds a command that waits for something itself.
var waits = regexp.MustCompile(`\bwait\b.*--timeout=([1-9]|0[0-9])|(^|[;&|]|\bdo\b) *sleep\b|\brollout status\b`)

func TestACheckLooksAtOnce(t *testing.T) {
	all, err := Ours.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, lab := range all {
		check := func(of string, checks []Check) {
			for _, check := range checks {
				if waits.MatchString(check.Run) {
					t.Errorf("lab %s, %s: %q waits, and the student with it: look at what is, and say within when it must be so", lab.Name, of, check.Run)
				}
			}
		}
		for _, step := range lab.Steps {
			check(step.ID, step.Check)
		}
		for _, challenge := range lab.Challenges {
			check(challenge.ID, challenge.Check)
		}
	}
}
