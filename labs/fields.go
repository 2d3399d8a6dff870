package labs

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Problem is what is wrong in a lab's file.
type Problem struct {
	File string
	Line int
	What string
}

func (p Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.What) }

// reader reads the nodes of one file, and goes on after a problem so that an author sees all of them.
type reader struct {
	file     string
	problems []error
}

func (r *reader) wrong(n *yaml.Node, format string, values ...any) {
	r.problems = append(r.problems, Problem{r.file, n.Line, fmt.Sprintf(format, values...)})
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// document is the file's one document; nil if it is no YAML.
func (r *reader) document(content []byte) *yaml.Node {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		line := 1
		if found := yamlLine.FindStringSubmatch(err.Error()); found != nil && found[1] != "" {
			line, _ = strconv.Atoi(found[1]) // the pattern lets only numbers through
		}
		r.wrong(&yaml.Node{Line: line}, "%s", yamlLine.ReplaceAllString(err.Error(), ""))
		return nil
	}
	if len(document.Content) == 0 {
		r.wrong(&yaml.Node{Line: 1}, "the file is empty")
		return nil
	}
	return document.Content[0]
}

func (r *reader) err() error { return errors.Join(r.problems...) }

// fields says for each field that a mapping may have how it is read.
type fields map[string]func(*yaml.Node)

// mapping reads a mapping with its fields, once each. Those that are required must be there.
func (r *reader) mapping(n *yaml.Node, what string, known fields, required ...string) {
	if n.Kind != yaml.MappingNode {
		r.wrong(n, "%s: want fields (%s), have %s", what, strings.Join(slices.Sorted(maps.Keys(known)), ", "), kindOf(n))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read := known[key.Value]
		switch {
		case read == nil:
			r.wrong(key, "%s: unknown field %s%s", what, key.Value, suggestion(key.Value, slices.Sorted(maps.Keys(known))))
		case seen[key.Value]:
			r.wrong(key, "%s: %s is there twice", what, key.Value)
		default:
			read(value)
		}
		seen[key.Value] = true
	}
	for _, name := range required {
		if !seen[name] {
			r.wrong(n, "%s has no %s", what, name)
		}
	}
}

func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "fields"
	case n.Kind == yaml.AliasNode:
		return "an alias (write it out)"
	case n.Tag == "!!null" || strings.TrimSpace(n.Value) == "":
		return "nothing"
	default:
		return "a text"
	}
}

// text gives a reader of a text that is not empty. Numbers are texts too.
func (r *reader) text(to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if kind := kindOf(n); kind != "a text" {
			r.wrong(n, "want a text, have %s", kind)
			return
		}
		*to = strings.TrimSpace(n.Value)
	}
}

// exact gives a reader of a text that may be empty.
func (r *reader) exact(to **string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			r.wrong(n, `want a text, have %s (nothing is written "")`, kindOf(n))
			return
		}
		*to = new(strings.TrimSpace(n.Value))
	}
}

// parsed gives a reader of a text that has a meaning.
func parsed[T any](r *reader, to *T, parse func(string) (T, error)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var text string
		r.text(&text)(n)
		if text == "" {
			return
		}
		value, err := parse(text)
		if err != nil {
			r.wrong(n, "%v", err)
			return
		}
		*to = value
	}
}

const longest = 10 * time.Minute

func parseTerm(text string) (time.Duration, error) {
	term, err := time.ParseDuration(text)
	if err == nil && (term <= 0 || term > longest) {
		err = fmt.Errorf("%s is not between nothing and %v", text, longest)
	}
	if err != nil {
		err = fmt.Errorf("%w: write 30s or 2m", err)
	}
	return term, err
}

func parseFlag(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, fmt.Errorf("%q is neither true nor false", text)
	}
	return text == "true", nil
}

func parseMinutes(text string) (int, error) {
	minutes, err := strconv.Atoi(text)
	if err != nil || minutes < 1 || minutes > 180 {
		return 0, fmt.Errorf("%q is no number of minutes from 1 to 180", text)
	}
	return minutes, nil
}

// list gives a reader of a list, entry by entry.
func list[T any](r *reader, to *[]T, read func(*yaml.Node) T) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			r.wrong(n, "want a list, have %s", kindOf(n))
			return
		}
		*to = []T{}
		for _, entry := range n.Content {
			*to = append(*to, read(entry))
		}
	}
}
