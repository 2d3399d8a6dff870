package labs

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Question asks for a prediction, and measures what became of it. It is answered by one of its choices, by a number or by a word.
type Question struct {
	Ask     string // Markdown
	Choices []Choice
	Number  *Number
	Word    string
	Measure Check  // its output is the outcome; it runs when the step is done
	Because string // why it is so, Markdown; shown beside the outcome
}

// Choice is an answer to choose.
type Choice struct {
	Say   string
	Found *regexp.Regexp // matches the outcome that this choice predicts
	Right bool           // it is what the lab expects to be found
}

// Number is the number that the lab expects to be found.
type Number struct {
	Want, Tolerance float64 // a prediction is right if it is so near to what was found
	Unit            string  // of both, as s
}

// Answer is what a student predicted, and what was found.
type Answer struct {
	Said  string `json:"said"`            // a choice, a number, a word, or [DontKnow]
	Found string `json:"found,omitempty"` // the outcome: the choice that came true, or what was measured; empty: not measured yet
}

// DontKnow is the answer of a student who would rather see.
const DontKnow = "?"

// ErrAnswer is the error for a prediction that is no answer to its question.
var ErrAnswer = errors.New("this is no answer")

// Accept reads an answer as a person gives it: a choice by its number, from 1, or its words.
func (q *Question) Accept(text string) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == DontKnow:
		return text, nil
	case q.Choices != nil:
		return q.choose(text)
	case q.Number != nil:
		number, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, q.Number.Unit)), 64)
		if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
			return "", fmt.Errorf("%w: %.40q is no number; %s says that you do not know", ErrAnswer, text, DontKnow)
		}
		return strconv.FormatFloat(number, 'f', -1, 64), nil
	case text == "" || len(text) > maxAnswer:
		return "", fmt.Errorf("%w: want a word or two; %s says that you do not know", ErrAnswer, DontKnow)
	default:
		return text, nil
	}
}

// maxAnswer is how many bytes a predicted word may have.
const maxAnswer = 200

func (q *Question) choose(text string) (string, error) {
	number, err := strconv.Atoi(text)
	for i, choice := range q.Choices {
		if err == nil && number == i+1 || strings.EqualFold(text, choice.Say) {
			return choice.Say, nil
		}
	}
	return "", fmt.Errorf("%w: %.40q is none of the %d choices; %s says that you do not know", ErrAnswer, text, len(q.Choices), DontKnow)
}

// Outcome says what a measurement found, in the words of the question: a choice where one predicts it.
func (q *Question) Outcome(printed string) string {
	printed = strings.TrimSpace(printed)
	for _, choice := range q.Choices {
		if choice.Found.MatchString(printed) {
			return choice.Say
		}
	}
	if printed == "" {
		return "nothing"
	}
	return shortened(printed)
}

// Right says whether a prediction came true.
func (q *Question) Right(answer Answer) bool {
	if q.Number == nil {
		return answer.Found != "" && strings.EqualFold(answer.Said, answer.Found)
	}
	said, err := strconv.ParseFloat(answer.Said, 64)
	found, unmeasured := strconv.ParseFloat(answer.Found, 64)
	return err == nil && unmeasured == nil && math.Abs(said-found) <= q.Number.Tolerance
}

// expected is the answer that the lab says will be found.
func (q *Question) expected() string {
	switch {
	case q.Number != nil:
		return strconv.FormatFloat(q.Number.Want, 'f', -1, 64)
	case q.Choices != nil:
		return q.Choices[slices.IndexFunc(q.Choices, func(c Choice) bool { return c.Right })].Say
	default:
		return q.Word
	}
}

// InUnits is an answer with its unit.
func (q *Question) InUnits(answer string) string {
	if _, err := strconv.ParseFloat(answer, 64); err != nil || q.Number == nil {
		return answer
	}
	return strings.TrimSpace(answer + " " + q.Number.Unit)
}

// Accept reads the answers to all questions of a step.
func (s *Step) Accept(texts []string) (answers []Answer, err error) {
	if len(texts) != len(s.Predict) {
		return nil, fmt.Errorf("%w: step %s asks %d questions, and here are %d answers", ErrAnswer, s.ID, len(s.Predict), len(texts))
	}
	for i := range s.Predict {
		said, err := s.Predict[i].Accept(texts[i])
		if err != nil {
			return nil, fmt.Errorf("question %d: %w", i+1, err)
		}
		answers = append(answers, Answer{Said: said})
	}
	return answers, nil
}

// Waits says whether a student must still commit to an answer.
func (s *Step) Waits(kept Kept) bool { return len(kept.Said[s.ID]) < len(s.Predict) }

// Shows says whether the commands are shown: predictions are made, and of a faded step every hint is open.
func (s *Step) Shows(kept Kept) bool {
	return !s.Waits(kept) && (!s.Faded || kept.Hints[s.ID] >= s.Grades())
}

// Grades is how many graded hints there are. The last of a faded step is its commands.
func (s *Step) Grades() int {
	if s.Faded {
		return len(s.Hints) + 1
	}
	return len(s.Hints)
}
