package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
)

// options are what a person can choose.
type options struct {
	kubeconfig, cluster string
	only, samples       []string
	json                bool
	timeout             time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var o options
	command := &cobra.Command{
		Use: "kube-bench", Short: "Measure a Kubernetes from outside", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error { return o.run(command.Context(), command.OutOrStdout()) },
	}
	flags := command.Flags()
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "the kubeconfig to use (default: as kubectl does)")
	flags.StringVar(&o.cluster, "cluster", "", "the name of the kubelab cluster, if it is one and on this machine: its processes and causal record are read too")
	flags.StringSliceVar(&o.only, "only", nil, "measure only these: start, end, deployment, objects, watches")
	flags.StringArrayVar(&o.samples, "sample", nil, `add a row of measures made elsewhere, as in "kube up,s,1.05,1.10"`)
	flags.BoolVar(&o.json, "json", false, "print JSON instead of rows of a Markdown table")
	flags.DurationVar(&o.timeout, "timeout", 8*time.Minute, "give up after this time")
	return command
}

func (o options) run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return err
	}
	b, err := newBench(config, o.cluster)
	if err != nil {
		return err
	}
	for _, text := range o.samples {
		f, err := parseSample(text)
		if err != nil {
			return err
		}
		b.figures = append(b.figures, f)
	}
	before := load()
	if err := b.measure(ctx, o.only); err != nil {
		return err
	}
	return o.print(out, b.figures, fmt.Sprintf("%d cores, load %s before and %s after", runtime.NumCPU(), before, load()))
}

// measure runs the chosen measures in an order in which none disturbs the next.
func (b *bench) measure(ctx context.Context, only []string) (err error) {
	if err := b.prepare(ctx); err != nil {
		return err
	}
	defer func() {
		if cleaned := b.cleanUp(context.WithoutCancel(ctx)); err == nil {
			err = cleaned
		}
	}()
	b.reportMemory(b.processes())
	if err := b.warmUp(ctx); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	for _, m := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"start", b.measureStart}, {"end", b.measureEnd}, {"deployment", b.measureDeployment},
		{"objects", b.measureObjects}, {"watches", b.measureWatches},
	} {
		if len(only) > 0 && !slices.Contains(only, m.name) {
			continue
		}
		if err := m.run(ctx); err != nil {
			return fmt.Errorf("measure %s: %w", m.name, err)
		}
	}
	return nil
}

// parseSample reads "work,unit,number,number,…".
func parseSample(text string) (figure, error) {
	words := strings.Split(text, ",")
	if len(words) < 3 {
		return figure{}, fmt.Errorf(`--sample %q: write "work,unit,number,number,…"`, text)
	}
	var samples []float64
	for _, word := range words[2:] {
		number, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return figure{}, fmt.Errorf("--sample %q: %w", text, err)
		}
		samples = append(samples, number)
	}
	return newFigure(words[0], words[1], samples), nil
}

func (o options) print(out io.Writer, figures []figure, machine string) error {
	if o.json {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{"machine": machine, "figures": figures})
	}
	rows := []string{"Machine: " + machine + ".", "", "| work | unit | n | min | median | p99 |", "|---|---|--:|--:|--:|--:|"}
	for _, f := range figures {
		rows = append(rows, f.String())
	}
	_, err := fmt.Fprintln(out, strings.Join(rows, "\n"))
	return err
}

// load is how many processes wanted to run on this machine, on average in the last minute.
func load() string {
	content, _ := os.ReadFile("/proc/loadavg") // "unknown" elsewhere
	if fields := strings.Fields(string(content)); len(fields) > 0 {
		return fields[0]
	}
	return "unknown"
}
