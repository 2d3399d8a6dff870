package labs

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// grades are the graded hints of a challenge: where to look, what it means, what to do.
const grades = 3

// questions gives a reader of predictions: one, or a list of them.
func (r *reader) questions(to *[]Question) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			*to = []Question{r.question(n)}
			return
		}
		list(r, to, r.question)(n)
		if len(*to) == 0 {
			r.wrong(n, "predict is empty: it asks nothing")
		}
	}
}

// question reads a prediction: its answer is one of choices, a number or a word.
func (r *reader) question(n *yaml.Node) (q Question) {
	number := Number{Tolerance: -1}
	r.mapping(n, "the prediction", fields{
		"ask": r.text(&q.Ask), "choices": list(r, &q.Choices, r.choice), "word": r.text(&q.Word), "because": r.text(&q.Because),
		"number": parsed(r, &number.Want, parseNumber), "tolerance": parsed(r, &number.Tolerance, parseNumber), "unit": r.text(&number.Unit),
		"measure": func(n *yaml.Node) { q.Measure = r.check(n) },
	}, "ask")
	if n.Kind != yaml.MappingNode {
		return q
	}
	if field(n, "measure") == nil {
		r.wrong(n, "the prediction has no measure: a command must find out what became of it")
	} else if q.Measure.Expect != nil || q.Measure.Matches != nil {
		r.wrong(field(n, "measure"), "a measure expects nothing: what it prints is the outcome")
	}
	if field(n, "number") != nil {
		q.Number = &number
	}
	r.oneAnswer(n, q)
	return q
}

// oneAnswer checks that it is known what will be found.
func (r *reader) oneAnswer(n *yaml.Node, q Question) {
	given := 0
	for _, key := range []string{"choices", "number", "word"} {
		if field(n, key) != nil {
			given++
		}
	}
	if given != 1 {
		r.wrong(n, "the prediction is answered by one of these: choices, a number or a word; here are %d", given)
		return
	}
	if q.Number == nil && (field(n, "tolerance") != nil || field(n, "unit") != nil) {
		r.wrong(n, "tolerance and unit go with a number")
	}
	if q.Number != nil && q.Number.Tolerance < 0 {
		r.wrong(n, "the number has no tolerance: how near is right?")
	}
	if q.Choices == nil {
		return
	}
	right := 0
	for _, choice := range q.Choices {
		if choice.Right {
			right++
		}
	}
	switch {
	case len(q.Choices) < 2:
		r.wrong(field(n, "choices"), "want at least two choices, have %d", len(q.Choices))
	case right != 1:
		r.wrong(field(n, "choices"), "one choice must be marked with right: true, and here are %d", right)
	}
}

func (r *reader) choice(n *yaml.Node) (choice Choice) {
	r.mapping(n, "the choice", fields{
		"say": r.text(&choice.Say), "found": parsed(r, &choice.Found, regexp.Compile), "right": parsed(r, &choice.Right, parseFlag),
	}, "say", "found")
	if choice.Found == nil {
		choice.Found = regexp.MustCompile(`^$`) // it was said what is wrong
	}
	return choice
}

func parseNumber(text string) (float64, error) {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return number, nil
}

// challenge reads a challenge that comes after these ids.
func (r *reader) challenge(n *yaml.Node, ids []string) (c Challenge) {
	what := "challenge " + label(n)
	r.mapping(n, what, fields{
		"id":    parsed(r, &c.ID, func(id string) (string, error) { return id, newID(id, ids) }),
		"title": r.text(&c.Title), "text": r.text(&c.Text), "debrief": r.text(&c.Debrief),
		"setup": list(r, &c.Setup, r.command), "break": list(r, &c.Break, r.command),
		"view": parsed(r, &c.View, parseView), "object": parsed(r, &c.Object, parseObject),
		"check": list(r, &c.Check, r.check), "holds": list(r, &c.Holds, r.check), "hints": list(r, &c.Hints, r.line),
		"solutions": list(r, &c.Solutions, r.way), "wrong": list(r, &c.Wrong, r.way),
	}, "id", "title", "text", "break", "check", "hints", "solutions", "debrief")
	if n.Kind != yaml.MappingNode {
		return c
	}
	empty := func(key string, have int, why string) {
		if at := field(n, key); at != nil && have == 0 {
			r.wrong(at, "%s: %s is empty: %s", what, key, why)
		}
	}
	empty("break", len(c.Break), "nothing would be wrong")
	empty("check", len(c.Check), "it could never be done")
	if at := field(n, "hints"); at != nil && len(c.Hints) != grades {
		r.wrong(at, "%s: want three hints, have %d: where to look, what it means, what to do", what, len(c.Hints))
	}
	if at := field(n, "solutions"); at != nil && len(c.Solutions) < 2 {
		r.wrong(at, "%s: want at least two solutions, have %d: the checks look at the goal, not at one way to it", what, len(c.Solutions))
	}
	if at := field(n, "holds"); at != nil && len(c.Wrong) == 0 {
		r.wrong(at, "%s: nothing proves that what holds can fail: say what touches it, under wrong", what)
	}
	if c.Object != "" && field(n, "view") == nil {
		r.wrong(n, "%s has an object and no view that shows it", what)
	}
	return c
}

// way reads a way to deal with a challenge.
func (r *reader) way(n *yaml.Node) (way Way) {
	r.mapping(n, "the way", fields{"name": r.text(&way.Name), "do": list(r, &way.Do, r.command)}, "name", "do")
	if at := field(n, "do"); at != nil && len(way.Do) == 0 {
		r.wrong(at, "do is empty: nothing would be tried")
	}
	return way
}

func (r *reader) line(n *yaml.Node) (text string) {
	r.text(&text)(n)
	return strings.TrimSpace(text)
}
