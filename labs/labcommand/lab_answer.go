//go:build linux

package labcommand

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"kubelab/labs"
)

// predictLab keeps what a student predicts of a step, and shows its commands.
func predictLab(ctx context.Context, out io.Writer, room *labRoom, lab *labs.Lab, args []string) error {
	step, _, err := lab.Find(args[1])
	if err != nil {
		return whereToLook(err)
	}
	if step == nil || len(step.Predict) == 0 {
		return fmt.Errorf("%s asks for no prediction (kube lab show %s)", args[1], lab.Name)
	}
	answers, err := step.Accept(args[2:])
	if err != nil {
		return fmt.Errorf("%w (kube lab show %s %s prints the questions)", err, lab.Name, step.ID)
	}
	kept, err := room.progress.Of(ctx, lab.Name)
	if err != nil {
		return err
	}
	if len(kept.Said[step.ID]) > 0 {
		fmt.Fprintln(out, "You have answered already, and the first answer counts.")
	}
	if err := room.progress.Predicted(ctx, lab.Name, step.ID, answers); err != nil {
		return err
	}
	return showLab(ctx, out, room, lab, args[:2])
}

// hintLab opens the next graded hint of a step or a challenge, and prints all that are open.
func hintLab(ctx context.Context, out io.Writer, room *labRoom, lab *labs.Lab, args []string) error {
	step, challenge, err := lab.Find(args[1])
	if err != nil {
		return whereToLook(err)
	}
	kept, err := room.progress.Of(ctx, lab.Name)
	if err != nil {
		return err
	}
	grades := 0
	switch {
	case challenge != nil:
		grades = len(challenge.Hints)
	case step.Waits(kept):
		return fmt.Errorf("first its questions: kube lab show %s %s", lab.Name, step.ID)
	default:
		grades = step.Grades()
	}
	if grades == 0 {
		return fmt.Errorf("%s has no hints to open (kube lab check %s %s says what is missing)", args[1], lab.Name, args[1])
	}
	if err := room.progress.Opened(ctx, lab.Name, args[1], grades); err != nil {
		return err
	}
	if kept, err = room.progress.Of(ctx, lab.Name); err != nil {
		return err
	}
	if challenge != nil {
		printHints(out, challenge.Hints, kept.Hints[challenge.ID], grades)
		return nil
	}
	printHints(out, step.Hints, kept.Hints[step.ID], grades)
	if step.Faded && step.Shows(kept) {
		printCommands(out, step.Run)
	}
	return nil
}

func printHints(out io.Writer, hints []string, opened, grades int) {
	for i, hint := range hints[:min(opened, len(hints))] {
		fmt.Fprintf(out, "Hint %d of %d: %s\n", i+1, grades, hint)
	}
}

func printCommands(out io.Writer, commands []labs.Command) {
	for _, command := range commands {
		fmt.Fprintf(out, "    $ %s\n", strings.ReplaceAll(command.Do, "\n", "\n      "))
	}
}

// beginLab makes the fault of a challenge, out of sight, and tells its story.
func beginLab(ctx context.Context, out io.Writer, room *labRoom, lab *labs.Lab, args []string) error {
	_, challenge, err := lab.Find(args[1])
	if err != nil {
		return whereToLook(err)
	}
	if challenge == nil {
		return fmt.Errorf("%s is no challenge (kube lab show %s)", args[1], lab.Name)
	}
	checker, err := room.checker(lab)
	if err != nil {
		return err
	}
	if err := checker.Begin(ctx, challenge); err != nil {
		return err
	}
	return showLab(ctx, out, room, lab, args)
}

// errNotDone needs no further words: the evidence was printed.
var errNotDone = errors.New("it is not done")

// checkLab checks a step or a challenge once, and keeps that it is done.
func checkLab(ctx context.Context, out io.Writer, room *labRoom, lab *labs.Lab, args []string) error {
	step, challenge, err := lab.Find(args[1])
	if err != nil {
		return whereToLook(err)
	}
	checker, err := room.checker(lab)
	if err != nil {
		return err
	}
	kept, err := room.progress.Of(ctx, lab.Name)
	if err != nil {
		return err
	}
	if challenge != nil {
		return checkChallenge(ctx, out, checker, challenge, kept)
	}
	if step.Waits(kept) {
		return fmt.Errorf("predict first: kube lab show %s %s prints the questions, kube lab predict %s %s ANSWER… answers them", lab.Name, step.ID, lab.Name, step.ID)
	}
	report, err := checker.Check(ctx, step)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, report)
	if !report.Done {
		return errNotDone
	}
	found, err := checker.Measure(ctx, step)
	if err != nil {
		return err
	}
	if err := checker.Keep(ctx, step, found); err != nil {
		return err
	}
	if kept, err = room.progress.Of(ctx, lab.Name); err != nil {
		return err
	}
	printOutcomes(out, step, kept)
	return nil
}

func checkChallenge(ctx context.Context, out io.Writer, checker *labs.Checker, challenge *labs.Challenge, kept labs.Kept) error {
	report, err := checker.Challenge(ctx, challenge, kept.Begun[challenge.ID])
	if err != nil {
		return err
	}
	fmt.Fprintln(out, report)
	if !report.Done {
		return errNotDone
	}
	fmt.Fprintf(out, "\n%s\n", challenge.Debrief)
	return checker.KeepChallenge(ctx, challenge)
}

// printOutcomes prints predictions and what was measured, side by side.
func printOutcomes(out io.Writer, step *labs.Step, kept labs.Kept) {
	for i, answer := range kept.Said[step.ID] {
		if i >= len(step.Predict) || answer.Found == "" {
			continue
		}
		question := &step.Predict[i]
		said := answer.Said
		if said == labs.DontKnow {
			said = "I don't know"
		}
		mark := "not quite"
		if question.Right(answer) {
			mark = "as predicted"
		}
		fmt.Fprintf(out, "\n  %s\n    you said: %s\n    measured: %s (%s)\n", question.Ask, question.InUnits(said), question.InUnits(answer.Found), mark)
		if question.Because != "" {
			fmt.Fprintf(out, "    %s\n", strings.ReplaceAll(question.Because, "\n", "\n    "))
		}
	}
}
