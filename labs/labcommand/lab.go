//go:build linux

package labcommand

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kubelab/kube/cluster"
	"kubelab/labs"
)

// labOptions say which labs, and in which cluster.
type labOptions struct{ cluster, from string }

func (o *labOptions) library() labs.Library {
	if o.from == "" {
		return labs.Ours
	}
	return labs.Library{Files: os.DirFS(o.from)}
}

// Lab is the command kube lab.
func Lab() *cobra.Command {
	var o labOptions
	command := &cobra.Command{
		Use: "lab", Short: "The guided labs: list, show, check and reset them, and prove that they work",
		Example: "  kube lab show 03-pods\n  kube lab predict 03-pods break-it 2\n  kube lab check 03-pods break-it\n  sudo kube lab test --all\n  sudo kube lab test --labs labs 03-pods",
	}
	cluster.Flags(command.PersistentFlags(), &o.cluster, nil)
	command.PersistentFlags().StringVar(&o.from, "labs", "", "a folder of labs, while you write one (default: those of this program)")
	verb := func(use, short string, run func(context.Context, io.Writer, *labRoom, *labs.Lab, []string) error) {
		command.AddCommand(&cobra.Command{
			Use: use, Short: short, Args: exactly(use),
			RunE: func(command *cobra.Command, args []string) error {
				lab, err := o.library().Open(args[0])
				if err != nil {
					return whereToLook(err)
				}
				room, err := openLabRoom(o.cluster)
				if err != nil {
					return err
				}
				return errors.Join(run(command.Context(), command.OutOrStdout(), room, lab, args), room.close())
			},
		})
	}
	command.AddCommand(newLabListCommand(&o), newLabTidyCommand(&o), newLabTestCommand(&o))
	verb("show LAB [STEP]", "Print a lab's steps and challenges, and lay out its files", showLab)
	verb("predict LAB STEP ANSWER…", "Answer the questions of a step: a choice's number, a number, a word, or ? for \"I don't know\"", predictLab)
	verb("begin LAB CHALLENGE", "Make the fault of a challenge, in a lab that is reset", beginLab)
	verb("hint LAB STEP", "Open one more hint of a step or a challenge", hintLab)
	verb("check LAB STEP", "Run the checks of a step or a challenge once, and say what they saw", checkLab)
	verb("reset LAB", "Take away what a lab made, and forget what is done of it", resetLab)
	return command
}

// exactly wants as many arguments as the use of a command names. One in brackets may be left out, the last may be there several times.
func exactly(use string) cobra.PositionalArgs {
	most := len(strings.Fields(use)) - 1
	least := most - strings.Count(use, "[")
	return func(command *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most && !strings.HasSuffix(use, "…") {
			return fmt.Errorf("write it as: %s (kube lab list names the labs)", strings.TrimSuffix(command.UseLine(), " [flags]"))
		}
		return nil
	}
}

// whereToLook adds the remedy where a name is unknown.
func whereToLook(err error) error {
	if errors.Is(err, labs.ErrUnknown) {
		return fmt.Errorf("%w (kube lab list)", err)
	}
	return err
}

func newLabListCommand(o *labOptions) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the labs, and what is done of them", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			all, wrong := o.library().All()
			room, notUp := openLabRoom(o.cluster)
			table := tabwriter.NewWriter(command.OutOrStdout(), 0, 0, 3, ' ', 0)
			fmt.Fprintln(table, "LAB\tTITLE\tMINUTES\tDONE")
			for _, lab := range all {
				done := "-" // there is no cluster that would know
				if notUp == nil {
					kept, err := room.progress.Of(command.Context(), lab.Name)
					done = fmt.Sprintf("%d of %d", len(kept.Done), len(lab.IDs()))
					if err != nil {
						done, wrong = "?", errors.Join(wrong, err)
					}
				}
				fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", lab.Name, lab.Title, lab.Minutes, done)
			}
			err := table.Flush()
			if notUp == nil {
				err = errors.Join(err, room.close())
			}
			return errors.Join(err, wrong)
		},
	}
}

func newLabTidyCommand(o *labOptions) *cobra.Command {
	return &cobra.Command{
		Use: "tidy", Short: "Take away what all labs have left in the cluster. What is done stays done", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			room, err := openLabRoom(o.cluster)
			if err != nil {
				return err
			}
			return errors.Join(tidyLabs(command.Context(), command.OutOrStdout(), room, o.library()), room.close())
		},
	}
}

func tidyLabs(ctx context.Context, out io.Writer, room *labRoom, library labs.Library) error {
	left, err := room.progress.Left(ctx)
	if err != nil {
		return err
	}
	var checkers []*labs.Checker
	for _, name := range left {
		lab, err := library.Open(name)
		if err != nil {
			return whereToLook(err)
		}
		checker, err := room.checker(lab)
		if err != nil {
			return err
		}
		checkers = append(checkers, checker)
	}
	if err := labs.Tidy(ctx, checkers); err != nil {
		return err
	}
	said := "no lab has left anything"
	if len(left) > 0 {
		said = "taken away what was left by " + strings.Join(left, ", ")
	}
	_, err = fmt.Fprintln(out, said)
	return err
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
