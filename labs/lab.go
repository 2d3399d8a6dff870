package labs

import (
	"errors"
	"io/fs"
	"regexp"
	"time"
)

// Lab is a guided lab: a folder with a lab.yaml and the files that its commands use.
type Lab struct {
	Name    string // its folder: 03-pods
	Title   string
	Minutes int
	Chapter string    // that it belongs to
	Reset   []Command // take away all that the lab made
	Steps   []Step
	// Challenges come after the steps: something is broken, and the student finds out what.
	Challenges []Challenge

	files fs.FS
}

// Step is one thing to do, and how to tell that it is done.
type Step struct {
	ID, Title string
	Text      string     // Markdown
	Predict   []Question // to be answered before the commands are shown
	Run       []Command  // what the student types
	Faded     bool       // only the goal is shown: the commands are the last of the graded hints
	Observe   bool       // nothing is changed: the checks may be true before
	View      string     // the picture that goes with it; one of [Views]
	Object    string     // that the picture shows, as pods/default/web
	Check     []Check    // all of them must pass
	Hint      []Hint     // the first that has something to say is shown while a check fails
	Hints     []string   // in grades, Markdown; each is opened by hand
	Needs     []string   // earlier steps that must be done
	Holds     []Hold     // what stays true before, during and after
}

// Command is a line that a student types.
type Command struct {
	Do     string
	Fails  bool          // it is meant to be refused
	Within time.Duration // how long it may take
}

// Check is a command that must succeed, and what it must print. At most one of Expect and Matches is there.
type Check struct {
	Run     string
	Says    string         // what is true when it passes, in words; empty: only the command says so
	Expect  *string        // the exact text, but for space around it
	Matches *regexp.Regexp // somewhere in the text
	Within  time.Duration  // how long it may take
}

// Hint helps when a check fails: a text, or what a command prints.
type Hint struct {
	When     *regexp.Regexp // matches what a failing check saw; nil: always
	Say, Run string         // one of them
}

// Hold is something that stays true all the time, and a fault that shows that it could fail.
type Hold struct {
	Check
	Worse []Command // make it fail
	Mend  []Command // take that back
}

// Views are the pictures of the lab site.
var Views = []string{"cluster", "container", "creation", "loop", "network", "pod", "probes", "replicas", "scheduler", "sequence", "service", "store", "volumes"}

// ErrUnknown is the error for a lab or a step that is not there.
var ErrUnknown = errors.New("there is none")

// How long commands may take where a lab does not say.
const (
	runTerm   = 2 * time.Minute
	checkTerm = 10 * time.Second
)

// Find finds a step or a challenge by its id; the other one is nil.
func (l *Lab) Find(id string) (*Step, *Challenge, error) {
	for i := range l.Steps {
		if l.Steps[i].ID == id {
			return &l.Steps[i], nil, nil
		}
	}
	for i := range l.Challenges {
		if l.Challenges[i].ID == id {
			return nil, &l.Challenges[i], nil
		}
	}
	return nil, nil, unknown("step", id, l.IDs())
}

// IDs names the steps, and after them the challenges.
func (l *Lab) IDs() (ids []string) {
	for _, step := range l.Steps {
		ids = append(ids, step.ID)
	}
	for _, challenge := range l.Challenges {
		ids = append(ids, challenge.ID)
	}
	return ids
}
