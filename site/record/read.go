package record

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Recording is what a file holds.
type Recording struct {
	Cluster  string
	From, To time.Time
	Snapshot Snapshot
	Frames   []Frame
	Cut      string // why the file ends before its end; empty: it is whole
}

// What a file may hold, so that a hostile one does no more than to be refused. An empty step is two bytes in a file and some
// hundred in memory, so that it is not enough to measure the text.
const (
	maxLine   = 32 << 20 // bytes
	maxTotal  = 256 << 20
	maxThing  = 4 << 20 // bytes of a step, an object or a fact: twice what etcd takes
	maxFrames = 250_000 // some hours of a busy cluster
	maxThings = 50_000  // objects and facts of the snapshot, each
	maxCauses = 1_000   // of a step
	maxGap    = 7 * 24 * time.Hour
)

// ErrNoRecording says that a file is something else.
var ErrNoRecording = errors.New("this is no recording of kube record")

// Read reads a recording. One that was cut off or damaged is read up to its last whole frame, and Cut says so. Errors:
// [ErrNoRecording], a version that this program does not know, or a file damaged before its first frame.
func Read(r io.Reader) (*Recording, error) {
	zipped, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoRecording, err)
	}
	plain := &io.LimitedReader{R: zipped, N: maxTotal}
	lines := bufio.NewReaderSize(plain, 64<<10)
	first, err := readHeader(lines)
	if err != nil {
		return nil, err
	}
	recording := &Recording{Cluster: first.Cluster, From: first.From}
	if err := recording.readSnapshot(lines); err != nil {
		return nil, fmt.Errorf("the recording is damaged before its first frame: %w", err)
	}
	err = recording.readFrames(lines)
	if plain.N == 0 {
		err = fmt.Errorf("it is longer than %d MB", maxTotal>>20)
	}
	if err != nil {
		recording.Cut = fmt.Sprintf("cut off after frame %d: %v", len(recording.Frames), err)
	}
	recording.To = recording.From
	if n := len(recording.Frames); n > 0 && recording.Frames[n-1].Time.After(recording.To) {
		recording.To = recording.Frames[n-1].Time
	}
	return recording, nil
}

func readHeader(lines *bufio.Reader) (header, error) {
	var first header
	err := decodeNext(lines, &first, maxThing)
	switch {
	case err != nil && !errors.Is(err, errLine):
		return first, fmt.Errorf("%w: %w", ErrNoRecording, err)
	case first.Format != formatName:
		return first, ErrNoRecording
	case first.Version > formatVersion:
		return first, fmt.Errorf("the recording has version %d and this kube reads up to %d: use the kube that recorded it, or a newer one", first.Version, formatVersion)
	case first.Version < 1 || err != nil:
		return first, fmt.Errorf("the recording's first line names no version: %w", ErrNoRecording)
	case !clusterName.MatchString(first.Cluster): // it is printed on a terminal
		return first, fmt.Errorf("%w: %q is no name of a cluster", ErrNoRecording, first.Cluster)
	}
	return first, nil
}

func (r *Recording) readSnapshot(lines *bufio.Reader) error {
	var parts struct {
		Snapshot
		Objects json.RawMessage `json:"objects"` // in place of those of Snapshot
		Facts   json.RawMessage `json:"facts"`
		Steps   json.RawMessage `json:"steps"`
	}
	err := decodeNext(lines, &parts, maxLine)
	if err != nil {
		return err
	}
	r.Snapshot = parts.Snapshot
	r.Snapshot.Cluster, r.Snapshot.Time = r.Cluster, r.From // as the header says
	if r.Snapshot.Objects, err = readAll(parts.Objects, maxThings, Object.check); err != nil {
		return fmt.Errorf("objects: %w", err)
	}
	if r.Snapshot.Facts, err = readAll(parts.Facts, maxThings, func(Fact) error { return nil }); err != nil {
		return fmt.Errorf("facts: %w", err)
	}
	if r.Snapshot.Steps, err = readAll(parts.Steps, keptSteps, checkStep); err != nil {
		return fmt.Errorf("steps: %w", err)
	}
	return nil
}

// readAll reads a list one thing after the other, so that one that is too long is refused before it takes the memory.
func readAll[T any](text json.RawMessage, most int, check func(T) error) ([]T, error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	items := json.NewDecoder(bytes.NewReader(text))
	if open, err := items.Token(); err != nil || open != json.Delim('[') {
		return nil, fmt.Errorf("this is no list: %w", errLine)
	}
	all := []T{}
	for items.More() {
		var raw json.RawMessage
		var item T
		err := items.Decode(&raw)
		switch {
		case err != nil:
			return nil, err
		case len(all) == most:
			return nil, fmt.Errorf("there are more than %d", most)
		case len(raw) > maxThing:
			return nil, fmt.Errorf("one is longer than %d MB", maxThing>>20)
		}
		if err = json.Unmarshal(raw, &item); err == nil {
			err = check(item)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}

func (r *Recording) readFrames(lines *bufio.Reader) error {
	at := r.From
	for seq := r.Snapshot.Seq + 1; ; seq++ {
		var frame Frame
		err := decodeNext(lines, &frame, maxThing)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case frame.Seq != seq:
			return fmt.Errorf("frame %d follows frame %d", frame.Seq, seq-1)
		case frame.contents() != 1:
			return fmt.Errorf("frame %d holds %d things in place of one", seq, frame.contents())
		case len(r.Frames) == maxFrames:
			return fmt.Errorf("it has more than %d frames", maxFrames)
		case frame.Time.Sub(at).Abs() > maxGap:
			return fmt.Errorf("frame %d is of %s, days away from the frame before it", seq, frame.Time.Format(time.DateTime))
		}
		if err := frame.check(); err != nil {
			return fmt.Errorf("frame %d: %w", seq, err)
		}
		if len(r.Frames) > 0 { // where a clock was put back, time stands still
			frame.Time = later(frame.Time, at)
		}
		at = frame.Time
		r.Frames = append(r.Frames, frame)
	}
}

// errLine says that a line is not what it should be.
var errLine = errors.New("damaged line")

// decodeNext reads the next line. io.EOF: the file is whole, and there is none.
func decodeNext(lines *bufio.Reader, into any, most int) error {
	var line []byte
	for {
		part, err := lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > most:
			return fmt.Errorf("a line is longer than %d MB", most>>20)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
		if err := json.Unmarshal(line, into); err != nil {
			return fmt.Errorf("%w: %w", errLine, err)
		}
		return nil
	}
}

// History is the recording as a history, to be asked what was when.
func (r *Recording) History() *History {
	history := NewHistory(Unlimited)
	history.Begin(r.Snapshot)
	history.Append(r.Frames...)
	return history
}
