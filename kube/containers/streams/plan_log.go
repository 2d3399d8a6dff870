package streams

import (
	"bytes"
	"time"
)

// MaxLogLine is how many bytes of a line one log entry holds; a longer line has several.
const MaxLogLine = 16 << 10

// MaxLog is how many bytes a log file may have, as kubelets usually have it. Then it is put aside, and replaces the one
// that was put aside before: so the latest output is there, between MaxLog and twice as much.
const MaxLog = 10 << 20

// RotatedLog is where the log lies that was put aside.
func RotatedLog(log string) string { return log + ".1" }

// LogEntries appends to dst the log entries for output that was read from a stream, in the format of CRI:
//
//	2026-01-02T15:04:05.123456789Z stdout F a whole line
//	2026-01-02T15:04:05.123456789Z stderr P a part of a line, which the next entry of this stream continues
//
// What is left (the beginning of a line whose end has not come) is returned, to be given again with what follows it.
// At the stream's end, last, it goes out as a part, so that a reader can tell that no newline came.
func LogEntries(dst []byte, now time.Time, stream string, data []byte, last bool) (entries, rest []byte) {
	head := now.UTC().AppendFormat(nil, time.RFC3339Nano)
	head = append(append(append(head, ' '), stream...), ' ')
	entry := func(tag byte, text []byte) {
		dst = append(append(dst, head...), tag, ' ')
		dst = append(append(dst, text...), '\n')
	}
	for {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			break
		}
		entry('F', data[:end])
		data = data[end+1:]
	}
	for len(data) >= MaxLogLine || last && len(data) > 0 {
		n := min(len(data), MaxLogLine)
		entry('P', data[:n])
		data = data[n:]
	}
	return dst, data
}
