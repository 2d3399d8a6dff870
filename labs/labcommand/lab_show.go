//go:build linux

package labcommand

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"kubelab/labs"
)

// showLab prints a lab, or one step or challenge of it: what a student may see of it by now.
func showLab(ctx context.Context, out io.Writer, room *labRoom, lab *labs.Lab, args []string) error {
	if err := lab.Unpack(room.home, room.owner, false); err != nil {
		return err
	}
	kept, err := room.progress.Of(ctx, lab.Name)
	if err != nil {
		return err
	}
	only := ""
	if len(args) > 1 {
		only = args[1]
		if _, _, err := lab.Find(only); err != nil {
			return whereToLook(err)
		}
	} else if err := showHead(ctx, out, room, lab); err != nil {
		return err
	}
	for i, id := range lab.IDs() {
		if only != "" && only != id {
			continue
		}
		mark := " "
		if _, passed := kept.Done[id]; passed {
			mark = "✓"
		}
		if step, challenge, _ := lab.Find(id); step != nil { // it is one of its ids
			fmt.Fprintf(out, "\n%s %d. %s (%s)\n\n%s\n\n", mark, i+1, step.Title, step.ID, step.Text)
			showStep(out, lab, step, kept)
		} else {
			fmt.Fprintf(out, "\n%s Challenge: %s (%s)\n\n%s\n\n", mark, challenge.Title, challenge.ID, challenge.Text)
			showChallenge(out, lab, challenge, kept)
		}
	}
	return nil
}

func showHead(ctx context.Context, out io.Writer, room *labRoom, lab *labs.Lab) error {
	left, err := room.progress.Left(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s (minutes: %d)\nIts files: cd %s\n", lab.Title, lab.Minutes, filepath.Join(room.home, lab.Folder()))
	if left = slices.DeleteFunc(left, func(other string) bool { return other == lab.Name }); len(left) > 0 {
		fmt.Fprintf(out, "In its way is perhaps what was left by %s: sudo kube lab tidy takes it away\n", strings.Join(left, ", "))
	}
	return nil
}

func showStep(out io.Writer, lab *labs.Lab, step *labs.Step, kept labs.Kept) {
	if step.Waits(kept) {
		for i := range step.Predict {
			showQuestion(out, i+1, &step.Predict[i])
		}
		fmt.Fprintf(out, "  Answer first, and the step goes on: kube lab predict %s %s%s\n  (%s instead of an answer: I don't know)\n", lab.Name, step.ID, strings.Repeat(" ANSWER", len(step.Predict)), labs.DontKnow)
		return
	}
	if step.Shows(kept) {
		printCommands(out, step.Run)
	} else {
		fmt.Fprintf(out, "  How is up to you. kube lab hint %s %s opens a hint, kube lab check %s %s says whether it is done.\n", lab.Name, step.ID, lab.Name, step.ID)
	}
	printHints(out, step.Hints, kept.Hints[step.ID], step.Grades())
	printOutcomes(out, step, kept)
}

func showQuestion(out io.Writer, number int, q *labs.Question) {
	fmt.Fprintf(out, "  Question %d: %s\n", number, q.Ask)
	for i, choice := range q.Choices {
		fmt.Fprintf(out, "    %d  %s\n", i+1, choice.Say)
	}
	if q.Number != nil {
		fmt.Fprintf(out, "    a number, in %s\n", q.Number.Unit)
	}
	fmt.Fprintln(out)
}

func showChallenge(out io.Writer, lab *labs.Lab, challenge *labs.Challenge, kept labs.Kept) {
	_, begun := kept.Begun[challenge.ID]
	_, done := kept.Done[challenge.ID]
	if !begun {
		fmt.Fprintf(out, "  sudo kube lab begin %s %s takes away what the lab made, and makes the fault.\n", lab.Name, challenge.ID)
	} else {
		fmt.Fprintf(out, "  The fault is there. kube lab hint %s %s opens a hint, kube lab check %s %s says whether it is mended.\n", lab.Name, challenge.ID, lab.Name, challenge.ID)
	}
	printHints(out, challenge.Hints, kept.Hints[challenge.ID], len(challenge.Hints))
	if done {
		fmt.Fprintf(out, "\n%s\n", challenge.Debrief)
	}
}
