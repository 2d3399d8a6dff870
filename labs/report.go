package labs

import (
	"fmt"
	"slices"
	"strings"
)

// Report is what the checks of a step found.
type Report struct {
	Step   string    `json:"step"`
	Done   bool      `json:"done"` // all that is to be true is
	Checks []Finding `json:"checks"`
	Holds  []Finding `json:"holds"`
	Hint   string    `json:"hint,omitempty"`
	// Waits says that nothing was looked at: the student has not answered the step's questions, or not begun the challenge.
	Waits bool `json:"waits,omitempty"`
	// Progress are the steps of the lab that are done; nil: it was not asked for, or the cluster did not say.
	Progress []string `json:"progress"`
}

// Finding is what one check found: the evidence.
type Finding struct {
	Run      string `json:"run"`
	Says     string `json:"says,omitempty"`
	Passed   bool   `json:"passed"`
	Expected string `json:"expected"`
	Seen     string `json:"seen"`
}

// String is the evidence that a person must see to know what went wrong: of what failed, or of all where nothing did.
func (r Report) String() string {
	var b strings.Builder
	all := slices.Concat(r.Checks, r.Holds)
	for _, found := range all {
		if !found.Passed || allPassed(all) {
			if found.Says != "" {
				fmt.Fprintf(&b, "  %s\n", found.Says)
			}
			fmt.Fprintf(&b, "  $ %s\n    expected: %s\n    seen:     %s\n", indent(found.Run), indent(found.Expected), indent(found.Seen))
		}
	}
	if r.Hint != "" {
		fmt.Fprintf(&b, "  hint: %s\n", indent(r.Hint))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func indent(text string) string { return strings.ReplaceAll(text, "\n", "\n              ") }

func allPassed(findings []Finding) bool {
	return !slices.ContainsFunc(findings, func(found Finding) bool { return !found.Passed })
}
