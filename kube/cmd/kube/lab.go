//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kubelab/labs"
)

func newLabCommand() *cobra.Command {
	var name string
	command := &cobra.Command{
		Use: "lab", Short: "The guided labs: list, show, check and reset them, and prove that they work",
		Example: "  kube lab show 03-pods\n  kube lab check 03-pods break-it\n  sudo kube lab test --all",
	}
	clusterFlags(command.PersistentFlags(), &name, nil)
	verb := func(use, short string, arguments int, run func(context.Context, io.Writer, *labRoom, *labs.Lab, []string) error) {
		command.AddCommand(&cobra.Command{
			Use: use, Short: short, Args: cobra.ExactArgs(arguments),
			RunE: func(command *cobra.Command, args []string) error {
				lab, err := labs.Open(args[0])
				if err != nil {
					return fmt.Errorf("%w (kube lab list)", err)
				}
				room, err := openLabRoom(name)
				if err != nil {
					return err
				}
				return errors.Join(run(command.Context(), command.OutOrStdout(), room, lab, args), room.close())
			},
		})
	}
	command.AddCommand(newLabListCommand(&name), newLabTestCommand(&name))
	verb("show LAB", "Print a lab's steps, and lay out its files", 1, showLab)
	verb("check LAB STEP", "Run the checks of a step once, and say what they saw", 2, checkLab)
	verb("reset LAB", "Take away what a lab made, and forget what is done of it", 1, resetLab)
	return command
}

func newLabListCommand(name *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the labs, and what is done of them", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			all, err := labs.All()
			if err != nil {
				return err
			}
			room, notUp := openLabRoom(*name)
			table := tabwriter.NewWriter(command.OutOrStdout(), 0, 0, 3, ' ', 0)
			fmt.Fprintln(table, "LAB\tTITLE\tMINUTES\tDONE")
			for _, lab := range all {
				done := "-" // there is no cluster that would know
				if notUp == nil {
					passed, err := room.progress.Of(command.Context(), lab.Name)
					if err != nil {
						return errors.Join(err, room.close())
					}
					done = fmt.Sprintf("%d of %d", len(passed), len(lab.Steps))
				}
				fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", lab.Name, lab.Title, lab.Minutes, done)
			}
			if err := table.Flush(); err != nil || notUp != nil {
				return err
			}
			return room.close()
		},
	}
}

func showLab(ctx context.Context, out io.Writer, room *labRoom, lab *labs.Lab, _ []string) error {
	if err := lab.Unpack(room.home, room.owner, false); err != nil {
		return err
	}
	done, err := room.progress.Of(ctx, lab.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s (%d minutes)\nIts files: cd %s\n", lab.Title, lab.Minutes, filepath.Join(room.home, lab.Folder()))
	for i, step := range lab.Steps {
		mark := " "
		if _, passed := done[step.ID]; passed {
			mark = "✓"
		}
		fmt.Fprintf(out, "\n%s %d. %s (%s)\n\n%s\n\n", mark, i+1, step.Title, step.ID, step.Text)
		for _, command := range step.Run {
			fmt.Fprintf(out, "    $ %s\n", command.Do)
		}
	}
	return nil
}

// errNotDone needs no further words: the evidence was printed.
var errNotDone = errors.New("the step is not done")

func checkLab(ctx context.Context, out io.Writer, room *labRoom, lab *labs.Lab, args []string) error {
	step, err := lab.Step(args[1])
	if err != nil {
		return fmt.Errorf("%w (kube lab show %s)", err, lab.Name)
	}
	checker, err := room.checker(lab)
	if err != nil {
		return err
	}
	report, err := checker.Check(ctx, step)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, report)
	if !report.Done {
		return errNotDone
	}
	return checker.Keep(ctx, step)
}

func resetLab(ctx context.Context, out io.Writer, room *labRoom, lab *labs.Lab, _ []string) error {
	checker, err := room.checker(lab)
	if err != nil {
		return err
	}
	if err := checker.Reset(ctx); err != nil {
		return err
	}
	if err := lab.Unpack(room.home, room.owner, true); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s is as at its start\n", lab.Name)
	return err
}

func newLabTestCommand(name *string) *cobra.Command {
	var all, asJSON bool
	command := &cobra.Command{
		Use: "test LAB|--all", Short: "Do labs as a student would, and prove of each step that it works and that it can fail", Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return errors.New("name a lab or say --all: kube lab test LAB|--all")
			}
			chosen, err := labs.All()
			if err == nil && !all {
				var one *labs.Lab
				one, err = labs.Open(args[0])
				chosen = []*labs.Lab{one}
			}
			if err != nil {
				return err
			}
			room, err := openLabRoom(*name)
			if err != nil {
				return err
			}
			return errors.Join(testLabs(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), room, chosen, asJSON), room.close())
		},
	}
	command.Flags().BoolVar(&all, "all", false, "all labs")
	command.Flags().BoolVar(&asJSON, "json", false, "print the results as JSON")
	return command
}

func testLabs(ctx context.Context, out, say io.Writer, room *labRoom, chosen []*labs.Lab, asJSON bool) error {
	inventory, err := room.inventory()
	if err != nil {
		return err
	}
	trial := &labs.Trial{Env: room.env, Cluster: inventory, Say: say}
	results := []labs.Result{}
	failed := 0
	for _, lab := range chosen {
		result, err := trial.Do(ctx, lab)
		if err != nil {
			return err
		}
		if result.Failure != "" {
			failed++
		}
		results = append(results, result)
	}
	if asJSON {
		err = json.NewEncoder(out).Encode(results)
	} else {
		err = printResults(out, results)
	}
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d labs do not work", failed, len(results))
	}
	return err
}

func printResults(out io.Writer, results []labs.Result) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "LAB\tSTEP\tSECONDS\tRESULT")
	for _, result := range results {
		for _, step := range result.Steps {
			fmt.Fprintf(table, "%s\t%s\t%.1f\t%s\n", result.Lab, step.Step, step.Seconds, word(step.Failure))
		}
		fmt.Fprintf(table, "%s\t(all)\t%.1f\t%s\n", result.Lab, result.Seconds, word(result.Failure))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, result := range results {
		if result.Failure != "" {
			fmt.Fprintf(out, "\n%s: %s\n", result.Lab, result.Failure)
		}
	}
	return nil
}

func word(failure string) string {
	if failure != "" {
		return "FAILED"
	}
	return "ok"
}
