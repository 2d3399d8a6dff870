//go:build linux

package labcommand

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kubelab/labs"
)

func newLabTestCommand(o *labOptions) *cobra.Command {
	var all, asJSON, force, steps bool
	command := &cobra.Command{
		Use: "test LAB|--all", Short: "Do labs as a student would, and prove of each step that it works and that it can fail",
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) > 1 || all == (len(args) == 1) {
				return errors.New("name one lab or say --all: kube lab test LAB|--all")
			}
			chosen, err := o.choose(args)
			if err != nil {
				return err
			}
			room, err := openLabRoom(o.cluster)
			if err != nil {
				return err
			}
			trial := &labs.Trial{Env: room.env, Say: command.ErrOrStderr(), Force: force, Steps: steps}
			if trial.Cluster, err = room.inventory(); err == nil {
				err = testLabs(command.Context(), command.OutOrStdout(), trial, chosen, asJSON)
			}
			return errors.Join(err, room.close())
		},
	}
	command.Flags().BoolVar(&all, "all", false, "all labs")
	command.Flags().BoolVar(&asJSON, "json", false, "print the results as JSON")
	command.Flags().BoolVar(&force, "force", false, "also in a cluster where you keep something in the namespace default: labs may take it away")
	command.Flags().BoolVar(&steps, "steps", false, "only the steps, without the challenges")
	return command
}

// choose reads the lab that is named, or all.
func (o *labOptions) choose(names []string) ([]*labs.Lab, error) {
	if len(names) == 0 {
		return o.library().All()
	}
	lab, err := o.library().Open(names[0])
	return []*labs.Lab{lab}, whereToLook(err)
}

func testLabs(ctx context.Context, out io.Writer, trial *labs.Trial, chosen []*labs.Lab, asJSON bool) (err error) {
	results := []labs.Result{}
	failed := 0
	for _, lab := range chosen {
		var result labs.Result
		if result, err = trial.Do(ctx, lab); err != nil {
			break
		}
		if result.Failure != "" {
			failed++
		}
		results = append(results, result)
	}
	if errors.Is(err, labs.ErrInTheWay) {
		err = fmt.Errorf("%w (kube lab tidy takes away what labs have left; kube lab test --force goes on all the same)", err)
	}
	if asJSON {
		err = errors.Join(err, json.NewEncoder(out).Encode(results))
	} else if len(results) > 0 {
		err = errors.Join(err, printResults(out, results))
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
