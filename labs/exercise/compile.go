package exercise

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// golang prepares the go command in the repository, with the student's files in the place of the reference, and as if those that
// are left out were not there. overlay is where it is written down which.
func (w Work) golang(ctx context.Context, overlay string, leftOut []string, arguments ...string) (*exec.Cmd, error) {
	files := map[string]string{}
	for _, path := range leftOut {
		files[path] = ""
	}
	for _, file := range w.Files {
		own, err := filepath.Abs(w.own(file.Name))
		if err != nil {
			return nil, err
		}
		files[w.reference(file.Name)] = own
	}
	content, err := json.Marshal(map[string]any{"Replace": files})
	if err == nil {
		err = os.WriteFile(overlay, content, 0o600)
	}
	arguments = append([]string{arguments[0], "-v", "-buildvcs=false", "-ldflags=-s -w", "-overlay", overlay}, arguments[1:]...)
	command := exec.CommandContext(ctx, filepath.Join(w.Source, "scripts", "go"), arguments...)
	command.Dir = w.Source
	return command, err
}

// compile runs the go command. What it complains about is in the student's file: it is called by that name.
func (w Work) compile(ctx context.Context, overlay string, leftOut []string, arguments ...string) error {
	for _, file := range w.Files { // what is no Go at all need not wait for a compiler
		if _, err := w.parse(token.NewFileSet(), file.Name); err != nil {
			return err
		}
	}
	command, err := w.golang(ctx, overlay, leftOut, arguments...)
	if err != nil {
		return err
	}
	said := compilerOutput{tell: w.tell}
	command.Stdout, command.Stderr = &said, &said
	w.tell("compiles your files, and the first time all that they need")
	if err = command.Run(); err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%s does not compile: %w\n%s", w.Concept, err, w.inOwnFiles(strings.TrimSpace(said.complaint.String())))
}

// inOwnFiles calls the student's files by their full names in what the go command says. It calls them by those of the reference, or by their
// own, and either from where it runs if that is shorter.
func (w Work) inOwnFiles(complaint string) string {
	lines := strings.Split(complaint, "\n")
	for i, line := range lines {
		text := strings.TrimLeft(line, " \t")
		path, says, found := strings.Cut(text, ".go:")
		if path += ".go"; !filepath.IsAbs(path) {
			path = filepath.Join(w.Source, path)
		}
		for _, file := range w.Files {
			if found && (path == w.reference(file.Name) || path == w.own(file.Name)) {
				lines[i] = strings.TrimSuffix(line, text) + w.own(file.Name) + ":" + says
			}
		}
	}
	return strings.Join(lines, "\n")
}

func (w Work) tell(progress string) {
	if w.Progress != nil {
		w.Progress(progress)
	}
}

// compilerOutput parts the names of packages, which the go command prints as it compiles them, from complaints.
type compilerOutput struct {
	tell      func(string)
	line      []byte // the last one, as far as it came
	compiled  int
	complaint bytes.Buffer
}

func (o *compilerOutput) Write(text []byte) (int, error) {
	o.line = append(o.line, text...)
	for {
		line, rest, whole := bytes.Cut(o.line, []byte("\n"))
		if !whole {
			return len(text), nil
		}
		o.line = rest
		if name := string(line); name != "" && !strings.ContainsAny(name, " :") {
			o.compiled++
			o.tell(fmt.Sprintf("compiles: %d packages so far, %s", o.compiled, name))
		} else {
			o.complaint.WriteString(name + "\n")
		}
	}
}
