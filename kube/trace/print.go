package trace

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// Print writes lines as a table, numbered, with the numbers of their causes.
func Print(out io.Writer, lines []Line) error {
	if len(lines) == 0 {
		return nil
	}
	number := map[ID]int{}
	for i, line := range lines {
		for _, step := range line {
			number[step.ID] = i + 1
		}
	}
	start := lines[0][0].Time
	if _, err := fmt.Fprintf(out, "%s\n", start.Format(time.RFC3339)); err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STEP\tAFTER\tWHO\tDID\tTO\tBECAUSE OF\tDETAIL")
	for i, line := range lines {
		first := line[0]
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", i+1, after(first.Time.Sub(start)), printable(line.who()), first.Verb, line.objects(),
			line.because(number), printable(line.detail()))
	}
	return table.Flush()
}

// printable takes out what a terminal would obey: some words of a step are a client's own.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// and says how many more there are than the one that is named.
func and(name string, others int) string {
	if others == 0 {
		return name
	}
	return fmt.Sprintf("%s and %d more", name, others)
}

func (l Line) who() string {
	hosts := map[string]bool{}
	for _, step := range l {
		hosts[step.Host] = true
	}
	return and(who(l[0]), len(hosts)-1)
}

func (l Line) objects() string {
	objects := map[Ref]bool{}
	for _, step := range l {
		objects[step.Object] = true
	}
	return and(l[0].Object.String(), len(objects)-1)
}

// detail is what all of the steps say, or the first of them.
func (l Line) detail() string {
	if slices.ContainsFunc(l, func(step Step) bool { return step.Detail != l[0].Detail }) {
		return l[0].Detail + " …"
	}
	return l[0].Detail
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

// manyCauses is how many causes a line names.
const manyCauses = 5

// because names the causes by their numbers, and a root by its kind. Causes that are in no line, because they
// are the story of other objects, are left out or have expired, are only counted.
func (l Line) because(number map[ID]int) string {
	if l[0].Root != "" {
		return "(" + string(l[0].Root) + ")"
	}
	known, others := map[int]bool{}, map[ID]bool{}
	for _, step := range l {
		for _, id := range step.Causes {
			if n := number[id]; n > 0 {
				known[n] = true
			} else {
				others[id] = true
			}
		}
	}
	numbers := slices.Sorted(maps.Keys(known))
	more := len(others)
	if len(numbers) > manyCauses {
		more += len(numbers) - manyCauses
		numbers = numbers[len(numbers)-manyCauses:] // the newest
	}
	text := strings.ReplaceAll(strings.Trim(fmt.Sprint(numbers), "[]"), " ", ",")
	switch {
	case text == "" && more == 0:
		return "?"
	case text == "":
		return fmt.Sprintf("%d earlier", more)
	}
	return and(text, more)
}
