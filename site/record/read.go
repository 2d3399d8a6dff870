package record

import (
	"bufio"
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

// What a file may hold, so that a hostile one does no more than to be refused.
const (
	maxLine   = 32 << 20
	maxTotal  = 512 << 20
	maxFrames = 1_000_000
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
	if err := decodeNext(lines, &recording.Snapshot); err != nil {
		return nil, fmt.Errorf("the recording is damaged before its first frame: %w", err)
	}
	if err := recording.readFrames(lines); err != nil {
		recording.Cut = fmt.Sprintf("cut off after frame %d: %v", len(recording.Frames), err)
	} else if plain.N == 0 {
		recording.Cut = fmt.Sprintf("cut off after frame %d: it is longer than %d MB", len(recording.Frames), maxTotal>>20)
	}
	recording.To = recording.From
	if n := len(recording.Frames); n > 0 {
		recording.To = recording.Frames[n-1].Time
	}
	return recording, nil
}

func readHeader(lines *bufio.Reader) (header, error) {
	var first header
	err := decodeNext(lines, &first)
	switch {
	case err != nil && !errors.Is(err, errLine):
		return first, fmt.Errorf("%w: %w", ErrNoRecording, err)
	case first.Format != formatName:
		return first, ErrNoRecording
	case first.Version > formatVersion:
		return first, fmt.Errorf("the recording has version %d and this kube reads up to %d: use the kube that recorded it, or a newer one", first.Version, formatVersion)
	case first.Version < 1 || err != nil:
		return first, fmt.Errorf("the recording's first line names no version: %w", ErrNoRecording)
	}
	return first, nil
}

func (r *Recording) readFrames(lines *bufio.Reader) error {
	for seq := r.Snapshot.Seq + 1; ; seq++ {
		var frame Frame
		err := decodeNext(lines, &frame)
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
		}
		r.Frames = append(r.Frames, frame)
	}
}

// errLine says that a line is not what it should be.
var errLine = errors.New("damaged line")

// decodeNext reads the next line. io.EOF: the file is whole, and there is none.
func decodeNext(lines *bufio.Reader, into any) error {
	var line []byte
	for {
		part, err := lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return fmt.Errorf("a line is longer than %d MB", maxLine>>20)
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
