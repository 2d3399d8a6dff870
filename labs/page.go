package labs

import (
	"fmt"

	"kubelab/chapters"
)

// Page is a lab as the lab site shows it: what a student may not see yet is not in it.
type Page struct {
	Name       string          `json:"name"`
	Title      string          `json:"title"`
	Minutes    int             `json:"minutes"`
	Chapter    string          `json:"chapter"`
	Steps      []PageStep      `json:"steps"`
	Challenges []PageChallenge `json:"challenges"`
	// Leftovers are the other labs that have left things in the cluster.
	Leftovers []PageLab `json:"leftovers"`
}

// PageLab is another lab, as it is named.
type PageLab struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// PageStep is a step of it.
type PageStep struct {
	ID      string         `json:"id"`
	Title   string         `json:"title"`
	HTML    string         `json:"html"` // trusted, as all that is called so: it is made from the files of the program
	Predict []PageQuestion `json:"predict"`
	Waits   bool           `json:"waits"` // for answers: there are neither commands nor checks before
	Faded   bool           `json:"faded"`
	Run     []string       `json:"run"` // of a faded step when all its hints are open
	View    string         `json:"view,omitempty"`
	Object  string         `json:"object,omitempty"`
	Needs   []string       `json:"needs"`
	Check   []PageCheck    `json:"check"`
	Holds   []PageCheck    `json:"holds"`
	Hints   []string       `json:"hints"`  // those that are open, HTML
	Grades  int            `json:"grades"` // how many there are; the last of a faded step is its commands
	Opened  int            `json:"opened"`
	// Observe says that there is only something to see: the checks may be true from the start.
	Observe bool `json:"observe"`
	Done    bool `json:"done"`
}

// PageQuestion asks for a prediction, and tells what became of it.
type PageQuestion struct {
	HTML    string   `json:"html"`
	Choices []string `json:"choices"` // empty: it is answered by a word, or a number
	Number  bool     `json:"number"`
	Unit    string   `json:"unit,omitempty"`
	Said    string   `json:"said,omitempty"`
	// Known from here on when it was measured.
	Found   string `json:"found,omitempty"`
	Right   bool   `json:"right"`
	Measure string `json:"measure,omitempty"`
	Because string `json:"because,omitempty"` // HTML
}

// PageCheck is a check, and in words what it expects.
type PageCheck struct {
	Run    string `json:"run"`
	Says   string `json:"says,omitempty"`
	Expect string `json:"expect"`
}

// PageChallenge is a challenge of it.
type PageChallenge struct {
	ID        string      `json:"id"`
	Title     string      `json:"title"`
	HTML      string      `json:"html"`
	View      string      `json:"view,omitempty"`
	Object    string      `json:"object,omitempty"`
	Begun     bool        `json:"begun"`
	Done      bool        `json:"done"`
	Check     []PageCheck `json:"check"`
	Holds     []PageCheck `json:"holds"`
	Hints     []string    `json:"hints"` // those that are open, HTML
	Grades    int         `json:"grades"`
	Debrief   string      `json:"debrief,omitempty"` // HTML; when it is done
	Solutions []PageWay   `json:"solutions"`         // when it is done
}

// PageWay is a solution.
type PageWay struct {
	Name string   `json:"name"`
	Do   []string `json:"do"`
}

// Page is what the lab site shows to a student of whom this is kept.
func (l *Lab) Page(kept Kept) (Page, error) {
	page := Page{Name: l.Name, Title: l.Title, Minutes: l.Minutes, Chapter: l.Chapter, Steps: []PageStep{}, Challenges: []PageChallenge{}, Leftovers: []PageLab{}}
	for i := range l.Steps {
		step, err := l.Steps[i].page(kept)
		if err != nil {
			return Page{}, fmt.Errorf("labs/%s/lab.yaml: step %q: %w", l.Name, l.Steps[i].ID, err)
		}
		page.Steps = append(page.Steps, step)
	}
	for i := range l.Challenges {
		challenge, err := l.Challenges[i].page(kept)
		if err != nil {
			return Page{}, fmt.Errorf("labs/%s/lab.yaml: challenge %q: %w", l.Name, l.Challenges[i].ID, err)
		}
		page.Challenges = append(page.Challenges, challenge)
	}
	return page, nil
}

func (s *Step) page(kept Kept) (shown PageStep, err error) {
	_, passed := kept.Done[s.ID]
	shown = PageStep{
		ID: s.ID, Title: s.Title, View: s.View, Object: s.Object, Needs: s.Needs, Observe: s.Observe, Done: passed,
		Predict: []PageQuestion{}, Waits: s.Waits(kept), Faded: s.Faded, Run: []string{}, Check: []PageCheck{}, Holds: []PageCheck{},
		Hints: []string{}, Grades: s.Grades(), Opened: min(kept.Hints[s.ID], s.Grades()),
	}
	if shown.HTML, err = chapters.Render(s.Text); err != nil {
		return shown, err
	}
	for i := range s.Predict {
		var answer Answer
		if !shown.Waits {
			answer = kept.Said[s.ID][i]
		}
		question, err := s.Predict[i].page(answer)
		if err != nil {
			return shown, err
		}
		shown.Predict = append(shown.Predict, question)
	}
	if s.Shows(kept) {
		shown.Run = lines(s.Run)
	}
	if shown.Waits {
		return shown, nil
	}
	shown.Check = pageChecks(s.Check)
	for _, hold := range s.Holds {
		shown.Holds = append(shown.Holds, pageChecks([]Check{hold.Check})...)
	}
	shown.Hints, err = open(s.Hints, shown.Opened)
	return shown, err
}

func (q *Question) page(answer Answer) (shown PageQuestion, err error) {
	shown = PageQuestion{Choices: []string{}, Number: q.Number != nil, Said: answer.Said, Found: answer.Found, Right: q.Right(answer)}
	if q.Number != nil {
		shown.Unit = q.Number.Unit
	}
	for _, choice := range q.Choices {
		shown.Choices = append(shown.Choices, choice.Say)
	}
	shown.HTML, err = chapters.Render(q.Ask)
	if err != nil || answer.Found == "" {
		return shown, err
	}
	shown.Measure = q.Measure.Run
	shown.Because, err = chapters.Render(q.Because)
	return shown, err
}

func (c *Challenge) page(kept Kept) (shown PageChallenge, err error) {
	_, passed := kept.Done[c.ID]
	_, begun := kept.Begun[c.ID]
	shown = PageChallenge{
		ID: c.ID, Title: c.Title, View: c.View, Object: c.Object, Begun: begun, Done: passed,
		Check: pageChecks(c.Check), Holds: pageChecks(c.Holds), Grades: len(c.Hints), Solutions: []PageWay{},
	}
	for i, hold := range c.Holds {
		if hold.unchanged() {
			shown.Holds[i].Expect = "what it printed when the challenge began"
		}
	}
	if shown.HTML, err = chapters.Render(c.Text); err != nil {
		return shown, err
	}
	if shown.Hints, err = open(c.Hints, kept.Hints[c.ID]); err != nil || !passed {
		return shown, err
	}
	for _, way := range c.Solutions {
		shown.Solutions = append(shown.Solutions, PageWay{way.Name, lines(way.Do)})
	}
	shown.Debrief, err = chapters.Render(c.Debrief)
	return shown, err
}

func lines(commands []Command) []string {
	all := []string{}
	for _, command := range commands {
		all = append(all, command.Do)
	}
	return all
}

func pageChecks(checks []Check) []PageCheck {
	shown := []PageCheck{}
	for _, check := range checks {
		shown = append(shown, PageCheck{check.Run, check.Says, check.Expected()})
	}
	return shown
}

// open are the first of the hints, as HTML.
func open(hints []string, opened int) ([]string, error) {
	shown := []string{}
	for _, hint := range hints[:min(opened, len(hints))] {
		html, err := chapters.Render(hint)
		if err != nil {
			return nil, err
		}
		shown = append(shown, html)
	}
	return shown, nil
}
