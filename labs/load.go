package labs

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

var (
	folderName = regexp.MustCompile(`^[0-9]{2}-[a-z0-9-]+$`)
	stepID     = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	objectRef  = regexp.MustCompile(`^[a-z][a-z.]*(/[A-Za-z0-9.:-]+){1,2}$`)
)

func load(fsys fs.FS, name string) (*Lab, error) {
	content, err := fs.ReadFile(fsys, path.Join(name, "lab.yaml"))
	if err != nil {
		return nil, fmt.Errorf("labs/%s: a lab needs a lab.yaml: %w", name, err)
	}
	files, err := fs.Sub(fsys, name)
	if err != nil {
		return nil, err
	}
	r := &reader{file: "labs/" + name + "/lab.yaml"}
	lab := &Lab{Name: name, Chapter: name, files: files}
	if root := r.document(content); root != nil {
		r.lab(root, lab)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return lab, nil
}

func (r *reader) lab(n *yaml.Node, lab *Lab) {
	steps := func(n *yaml.Node) {
		list(r, &lab.Steps, func(n *yaml.Node) Step { return r.step(n, lab.Steps) })(n)
		if len(lab.Steps) == 0 {
			r.wrong(n, "a lab without steps is none")
		}
	}
	challenges := list(r, &lab.Challenges, func(n *yaml.Node) Challenge { return r.challenge(n, lab.IDs()) })
	r.mapping(n, "the lab", fields{
		"title": r.text(&lab.Title), "minutes": parsed(r, &lab.Minutes, parseMinutes), "chapter": r.text(&lab.Chapter),
		"reset": list(r, &lab.Reset, r.command), "steps": steps, "challenges": challenges,
	}, "title", "minutes", "reset", "steps")
}

// step reads a step that comes after those given.
func (r *reader) step(n *yaml.Node, before []Step) Step {
	step := Step{Needs: []string{}}
	if len(before) > 0 {
		step.Needs = []string{before[len(before)-1].ID}
	}
	what := "step " + label(n)
	r.mapping(n, what, fields{
		"id":    parsed(r, &step.ID, func(id string) (string, error) { return id, newID(id, idsOf(before)) }),
		"title": r.text(&step.Title), "text": r.text(&step.Text),
		"predict": r.questions(&step.Predict), "faded": parsed(r, &step.Faded, parseFlag), "hints": list(r, &step.Hints, r.line),
		"run": list(r, &step.Run, r.command), "observe": parsed(r, &step.Observe, parseFlag),
		"view": parsed(r, &step.View, parseView), "object": parsed(r, &step.Object, parseObject),
		"check": list(r, &step.Check, r.check), "hint": r.hints(&step.Hint),
		"needs": list(r, &step.Needs, func(n *yaml.Node) string { return r.need(n, before) }),
		"holds": list(r, &step.Holds, r.hold),
	}, "id", "title", "text", "check")
	if n.Kind != yaml.MappingNode {
		return step
	}
	if step.Check != nil && len(step.Check) == 0 {
		r.wrong(n, "%s: check is empty: the step could never be done", what)
	}
	if len(step.Run) == 0 && !step.Observe {
		r.wrong(n, "%s has no run: what should make its checks come true? Where there is only something to see, say observe: true", what)
	}
	if step.Object != "" && field(n, "view") == nil {
		r.wrong(n, "%s has an object and no view that shows it", what)
	}
	r.graded(n, what, step)
	return step
}

// graded checks the graded hints of a step: where to look, what it means, what to do.
func (r *reader) graded(n *yaml.Node, what string, step Step) {
	at := field(n, "hints")
	switch {
	case step.Faded && len(step.Run) == 0:
		r.wrong(n, "%s is faded and has no run: its commands are the last hint", what)
	case step.Faded && len(step.Hints) != grades-1:
		r.wrong(cmp.Or(at, n), "%s: want two hints, have %d: where to look, and what it means; what to do are its commands", what, len(step.Hints))
	case !step.Faded && at != nil && len(step.Hints) != grades:
		r.wrong(at, "%s: want three hints, have %d: where to look, what it means, what to do", what, len(step.Hints))
	}
}

func idsOf(steps []Step) (ids []string) {
	for _, step := range steps {
		ids = append(ids, step.ID)
	}
	return ids
}

// label is how a step is named in what is said of it.
func label(n *yaml.Node) string {
	if id := field(n, "id"); id != nil {
		return fmt.Sprintf("%q", id.Value)
	}
	return "without id"
}

// field is the value of a field; nil: there is none.
func field(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func newID(id string, before []string) error {
	if !stepID.MatchString(id) {
		return fmt.Errorf("id %q: want small letters, digits and dashes", id)
	}
	if slices.Contains(before, id) {
		return fmt.Errorf("id %q: an earlier step has it", id)
	}
	return nil
}

// need reads the id of an earlier step. As none can come later, needs have no cycles.
func (r *reader) need(n *yaml.Node, before []Step) (id string) {
	parsed(r, &id, func(id string) (string, error) {
		ids := idsOf(before)
		if !slices.Contains(ids, id) {
			return "", fmt.Errorf("needs %q: no earlier step has this id%s", id, suggestion(id, ids))
		}
		return id, nil
	})(n)
	return id
}

func parseView(name string) (string, error) {
	if !slices.Contains(Views, name) {
		return "", fmt.Errorf("unknown view %s%s", name, suggestion(name, Views))
	}
	return name, nil
}

func parseObject(text string) (string, error) {
	if !objectRef.MatchString(text) {
		return "", fmt.Errorf("object %q: write RESOURCE/NAMESPACE/NAME, as in pods/default/web, or RESOURCE/NAME", text)
	}
	return text, nil
}
