package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
)

// journal holds the steps that are not delivered yet, one JSON document a line. It guards against the
// death of the process, not of the machine: it is not synced to disk.
type journal struct {
	path string
	file *os.File
	size int  // bytes
	torn bool // the last line may be half a line
}

// openJournal also returns the steps that an earlier process left in it. A last line that was cut off
// is dropped.
func openJournal(path string) (*journal, []Step, error) {
	if path == "" {
		return &journal{}, nil, nil
	}
	left, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	var steps []Step
	for line := range bytes.Lines(left) {
		var step Step
		if json.Unmarshal(line, &step) == nil {
			steps = append(steps, step)
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return &journal{path: path, file: file, size: len(left), torn: true}, steps, nil
}

// append adds a line. When the one before may be half a line, it ends it: each step gets a line of its own.
func (j *journal) append(line []byte) error {
	if j.file == nil {
		return nil
	}
	var text []byte
	if j.torn {
		text = append(text, '\n')
	}
	text = append(append(text, line...), '\n')
	n, err := j.file.Write(text)
	j.size += n
	j.torn = err != nil
	return err
}

// clear forgets everything: it has been delivered. A failure only means that steps are delivered twice.
func (j *journal) clear() {
	if j.file != nil && j.file.Truncate(0) == nil {
		j.size, j.torn = 0, false
	}
}

// rewrite makes the journal hold the given steps and nothing else. A kill at any instant leaves the old one or the new.
func (j *journal) rewrite(steps []waiting) error {
	if j.file == nil {
		return nil
	}
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	for _, w := range steps {
		if err := lines.Encode(w.step); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(j.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	size, err := file.Write(text.Bytes())
	if err == nil {
		err = os.Rename(file.Name(), j.path)
	}
	if err != nil {
		return errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	old := j.file
	j.file, j.size, j.torn = file, size, false
	return old.Close()
}
