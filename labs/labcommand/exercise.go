//go:build linux

package labcommand

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kubelab/kube/cluster"
	"kubelab/labs/exercise"
)

// exerciseOptions are where an exercise is.
type exerciseOptions struct {
	dir, source string
	force       bool
}

// Exercise is the command kube exercise.
func Exercise() *cobra.Command {
	var o exerciseOptions
	command := &cobra.Command{
		Use: "exercise", Short: "Write a concept's decision yourself: its own tests check it, and a real cluster runs on it",
		Example: "  kube exercise start scheduler\n  kube exercise test scheduler\n  kube exercise run scheduler",
		// What a student wrote is compiled and runs as nobody but that student.
		PersistentPreRunE: func(*cobra.Command, []string) error { return becomeCaller() },
	}
	command.PersistentFlags().StringVar(&o.dir, "dir", "", "the folder of your files (default ~/kubelab-exercises/CONCEPT)")
	command.PersistentFlags().StringVar(&o.source, "source", "", "the repository of kubelab (default: the one that this program or the current folder is in)")
	verb := func(name, short string, run func(context.Context, io.Writer, exercise.Work) error) *cobra.Command {
		return &cobra.Command{
			Use: name + " CONCEPT", Short: short, Args: cobra.ExactArgs(1),
			RunE: func(command *cobra.Command, args []string) error {
				work, err := o.work(args[0])
				if err != nil {
					return err
				}
				if err := isOurs(work.Dir); err != nil {
					return err
				}
				progress := newProgress(command.ErrOrStderr())
				defer progress.clear()
				work.Progress = progress.tell
				return run(command.Context(), progress.before(command.OutOrStdout()), work)
			},
		}
	}
	start := verb("start", "Get the concept's plan, with what matters taken out", o.start)
	start.Flags().BoolVar(&o.force, "force", false, "begin again; your files are kept beside as plan.go.1")
	command.AddCommand(start,
		verb("test", "Run the concept's tests against your files", testExercise),
		verb("run", "Build a whole cluster that runs on your files", runExercise),
		verb("diff", "Compare your files with the reference", func(ctx context.Context, out io.Writer, work exercise.Work) error { return work.Diff(ctx, out) }),
		&cobra.Command{Use: "list", Short: "List the exercises", Args: cobra.NoArgs, RunE: listExercises})
	return command
}

func listExercises(command *cobra.Command, _ []string) error {
	table := tabwriter.NewWriter(command.OutOrStdout(), 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "CONCEPT\tTASK")
	for _, e := range exercise.All {
		fmt.Fprintf(table, "%s\t%s\n", e.Concept, e.Task)
	}
	return table.Flush()
}

func (o *exerciseOptions) work(concept string) (work exercise.Work, err error) {
	if work.Exercise, err = exercise.Find(concept); err != nil {
		return work, err
	}
	if work.Source, err = exercise.FindSource(o.source, cluster.Program(""), "."); err != nil {
		return work, err
	}
	if o.dir != "" {
		work.Dir, err = filepath.Abs(o.dir)
		return work, err
	}
	home, err := os.UserHomeDir()
	work.Dir = filepath.Join(home, "kubelab-exercises", concept)
	return work, err
}

func (o *exerciseOptions) start(_ context.Context, out io.Writer, work exercise.Work) error {
	if err := work.Start(o.force); err != nil {
		return err
	}
	fmt.Fprintln(out, work.Task)
	for _, file := range work.Files {
		fmt.Fprintf(out, "  %s: %s\n", filepath.Join(work.Dir, file.Name), strings.Join(file.Functions, ", "))
	}
	_, err := fmt.Fprintf(out, "Then: kube exercise test %s\n", work.Concept)
	return err
}

func runExercise(ctx context.Context, out io.Writer, work exercise.Work) error {
	bin, err := work.Build(ctx, cluster.Program(""))
	if err != nil {
		return err
	}
	return tellHowToRun(out, work, bin)
}

// tellHowToRun says what to do with the programs, and what else than success may come of one's own code.
func tellHowToRun(out io.Writer, work exercise.Work, bin string) error {
	kube, name := filepath.Join(bin, "kube"), work.Concept
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "Start a cluster on your code:\tsudo %s up --detach --name %s\n", kube, name)
	fmt.Fprintf(table, "Use it:\t%s/kubectl --context kubelab-%s get nodes\n", bin, name)
	fmt.Fprintf(table, "It runs already? New code:\tsudo %s kill %s --name %s\n", kube, work.Component, name)
	fmt.Fprintf(table, "Nothing happens? A panic:\t%s why RESOURCE/NAME --name %s\n", kube, name)
	fmt.Fprintf(table, "  or a loop without end:\tkube exercise test %s\n", name)
	fmt.Fprintf(table, "End it:\tsudo %s down --name %s\n", kube, name)
	return table.Flush()
}
