package trace

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Print writes a chain as a table: one step a line, numbered, with the numbers of its causes.
func Print(out io.Writer, chain []Step) error {
	if len(chain) == 0 {
		return nil
	}
	number := map[ID]int{}
	for i, step := range chain {
		number[step.ID] = i + 1
	}
	start := chain[0].Time
	if _, err := fmt.Fprintf(out, "%s\n", start.Format(time.RFC3339)); err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STEP\tAFTER\tWHO\tDID\tTO\tBECAUSE OF\tDETAIL")
	for i, step := range chain {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", i+1, after(step.Time.Sub(start)), who(step), step.Verb, step.Object,
			because(step, number), step.Detail)
	}
	return table.Flush()
}

func after(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fms", float64(d.Microseconds())/1000)
	}
	return d.Round(time.Second).String()
}

// who names the component, the room of the house that decided where the component has several, and the host.
func who(step Step) string {
	name := step.Component
	if parts := strings.Split(step.Source, "/"); step.Component == "controllers" && len(parts) == 3 {
		name += "/" + parts[1]
	}
	if step.Host == "" {
		return name
	}
	return name + "@" + step.Host
}

// because names the causes by their numbers, and a root by its kind. Causes that are not in the chain, because they
// are the story of other objects or have expired, are only counted.
func because(step Step, number map[ID]int) string {
	if step.Root != "" {
		return "(" + string(step.Root) + ")"
	}
	var causes []string
	others := 0
	for _, id := range step.Causes {
		if n, known := number[id]; known {
			causes = append(causes, fmt.Sprint(n))
		} else {
			others++
		}
	}
	if others > 0 {
		causes = append(causes, fmt.Sprintf("%d more", others))
	}
	if len(causes) == 0 {
		return "?"
	}
	return strings.Join(causes, ",")
}
