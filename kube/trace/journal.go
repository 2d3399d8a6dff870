package trace

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
)

// journal holds the steps that are not delivered yet, one JSON document a line. It guards against the
// death of the process, not of the machine: it is not synced to disk.
type journal struct{ file *os.File }

// openJournal also returns the steps that an earlier process left in it. A last line that was cut off
// is dropped.
func openJournal(path string) (*journal, []Step, error) {
	if path == "" {
		return &journal{}, nil, nil
	}
	left, err := readJournal(path)
	if err != nil {
		return nil, nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	// Should the last line be half a line, end it: the next step gets a line of its own.
	if _, err := file.WriteString("\n"); err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return &journal{file: file}, left, nil
}

func readJournal(path string) ([]Step, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var steps []Step
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var step Step
		if json.Unmarshal(lines.Bytes(), &step) == nil {
			steps = append(steps, step)
		}
	}
	return steps, lines.Err()
}

func (j *journal) append(step Step) error {
	if j.file == nil {
		return nil
	}
	line, err := json.Marshal(step)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(line, '\n'))
	return err
}

// clear forgets everything: it has been delivered. A failure only means that steps are delivered twice.
func (j *journal) clear() {
	if j.file != nil {
		_ = j.file.Truncate(0)
	}
}
