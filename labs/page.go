package labs

import (
	"fmt"
	"time"

	"kubelab/chapters"
)

// Page is a lab as the lab site shows it.
type Page struct {
	Name    string     `json:"name"`
	Title   string     `json:"title"`
	Minutes int        `json:"minutes"`
	Chapter string     `json:"chapter"`
	Steps   []PageStep `json:"steps"`
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
	ID     string      `json:"id"`
	Title  string      `json:"title"`
	HTML   string      `json:"html"` // trusted: it is made from the files of the program
	Run    []string    `json:"run"`
	View   string      `json:"view,omitempty"`
	Object string      `json:"object,omitempty"`
	Needs  []string    `json:"needs"`
	Check  []PageCheck `json:"check"`
	Holds  []PageCheck `json:"holds"`
	// Observe says that there is only something to see: the checks may be true from the start.
	Observe bool `json:"observe"`
	Done    bool `json:"done"`
}

// PageCheck is a check, and in words what it expects.
type PageCheck struct {
	Run    string `json:"run"`
	Expect string `json:"expect"`
}

// Page is what the lab site shows, with the steps marked that are done.
func (l *Lab) Page(done map[string]time.Time) (Page, error) {
	page := Page{Name: l.Name, Title: l.Title, Minutes: l.Minutes, Chapter: l.Chapter, Leftovers: []PageLab{}}
	for _, step := range l.Steps {
		html, err := chapters.Render(step.Text)
		if err != nil {
			return Page{}, fmt.Errorf("labs/%s/lab.yaml: step %q: %w", l.Name, step.ID, err)
		}
		_, passed := done[step.ID]
		shown := PageStep{
			ID: step.ID, Title: step.Title, HTML: html, View: step.View, Object: step.Object, Needs: step.Needs,
			Run: []string{}, Check: []PageCheck{}, Holds: []PageCheck{}, Observe: step.Observe, Done: passed,
		}
		for _, command := range step.Run {
			shown.Run = append(shown.Run, command.Do)
		}
		for _, check := range step.Check {
			shown.Check = append(shown.Check, PageCheck{check.Run, check.Expected()})
		}
		for _, hold := range step.Holds {
			shown.Holds = append(shown.Holds, PageCheck{hold.Run, hold.Expected()})
		}
		page.Steps = append(page.Steps, shown)
	}
	return page, nil
}
