package trace

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"
)

// Print writes lines as a table, numbered, with the numbers of their causes. In a terminal of so many columns, long identifiers are
// shortened and details end where the line does; width 0: everything is written out.
func Print(out io.Writer, lines []Line, width int) error {
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
	rows := [][]string{{"STEP", "AFTER", "WHO", "DID", "TO", "BECAUSE OF", "DETAIL"}}
	for i, line := range lines {
		first := line[0]
		rows = append(rows, []string{strconv.Itoa(i + 1), after(first.Time.Sub(start)), printable(line.who()), printable(first.Verb), printable(line.objects()),
			line.because(number), printable(line.detail())})
	}
	if width > 0 {
		fit(rows, width)
	}
	table := tabwriter.NewWriter(out, 0, 0, gap, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

const (
	gap = 2 // blanks between two columns
	// leastDetail is how much of a detail is shown however narrow the terminal is.
	leastDetail = 16
	// shortID is how much of a long identifier tells it from others.
	shortID = 12
)

// identifier is a digest, or a name that was made by chance.
var identifier = regexp.MustCompile(`[0-9a-f]{32,}`)

// fit makes rows as narrow as a terminal: identifiers are shortened, and the last column ends where the line does.
func fit(rows [][]string, width int) {
	last := len(rows[0]) - 1
	for column := range last {
		widest := 0
		for _, row := range rows {
			widest = max(widest, utf8.RuneCountInString(row[column]))
		}
		width -= widest + gap
	}
	for _, row := range rows {
		text := identifier.ReplaceAllStringFunc(row[last], func(id string) string { return id[:shortID] + "…" })
		if runes, most := []rune(text), max(width, leastDetail); len(runes) > most {
			text = string(runes[:most-1]) + "…"
		}
		row[last] = text
	}
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
