package record

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"time"
)

// A recording is a gzip'd text of JSON documents, one a line: a header, the snapshot that it begins with, and the
// frames after it. So it can be looked at with zcat and jq, and what was cut off can be read up to there.
const (
	formatName    = "kubelab-recording"
	formatVersion = 1
)

// header is the first line.
type header struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Cluster string    `json:"cluster"`
	From    time.Time `json:"from"`
}

// Writer writes a recording.
type Writer struct {
	out     *counter
	zipped  *gzip.Writer
	lines   *json.Encoder
	seq     int64 // of what was written last
	written int   // frames
}

// counter counts what goes to w.
type counter struct {
	w     io.Writer
	bytes int64
}

func (c *counter) Write(content []byte) (int, error) {
	n, err := c.w.Write(content)
	c.bytes += int64(n)
	return n, err
}

// NewWriter begins a recording with the state before its first frame. Closing w is the caller's task, after Close.
func NewWriter(w io.Writer, from Snapshot) (*Writer, error) {
	out := &counter{w: w}
	zipped := gzip.NewWriter(out)
	writer := &Writer{out: out, zipped: zipped, lines: json.NewEncoder(zipped), seq: from.Seq}
	writer.lines.SetEscapeHTML(false)
	if err := writer.lines.Encode(header{formatName, formatVersion, from.Cluster, from.Time}); err != nil {
		return nil, err
	}
	return writer, writer.lines.Encode(from)
}

// flushEvery is how much of a run is lost at most when its recorder is killed.
const flushEvery = time.Second

// Record writes the frames of a history until ctx is done. The history must be the one that the writer's snapshot is
// of. [ErrForgotten]: the disk did not keep up.
func (w *Writer) Record(ctx context.Context, history *History) error {
	for ctx.Err() == nil {
		if _, err := history.Next(ctx, w.seq); err != nil && ctx.Err() == nil {
			return err
		}
		if err := w.catchUp(history); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(flushEvery):
		}
	}
	return w.catchUp(history)
}

func (w *Writer) catchUp(history *History) error {
	frames, _, err := history.after(w.seq)
	for _, frame := range frames {
		if err := w.lines.Encode(frame); err != nil {
			return err
		}
		w.seq, w.written = frame.Seq, w.written+1
	}
	if err != nil {
		return err
	}
	return w.zipped.Flush()
}

// Close writes what is left.
func (w *Writer) Close() error { return w.zipped.Close() }

// Size is how many frames were written, and how many bytes they and the snapshot take.
func (w *Writer) Size() (frames int, bytes int64) { return w.written, w.out.bytes }
