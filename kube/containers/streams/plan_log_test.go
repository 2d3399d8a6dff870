package streams

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// However the output comes in pieces, the entries hold every byte of it, in order, and end lines where it did.
func TestLogEntriesKeepEveryByteHoweverItArrives(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var written, pending, log []byte
		for range random.IntN(20) {
			line := strings.Repeat("x", random.IntN(1<<random.IntN(17)))
			written = append(written, line...)
			if random.IntN(4) > 0 {
				written = append(written, '\n')
			}
		}
		for left := written; ; {
			n := min(len(left), 1+random.IntN(MaxLogLine-len(pending)))
			pending, left = append(pending, left[:n]...), left[n:]
			log, pending = LogEntries(log, time.Unix(0, 0), "stdout", pending, len(left) == 0)
			if len(pending) >= MaxLogLine {
				t.Fatalf("%d bytes wait for more", len(pending))
			}
			if len(left) == 0 {
				break
			}
		}
		if got := unlog(t, log); got != string(written) {
			t.Fatalf("%d bytes were written and %d logged", len(written), len(got))
		}
	}
}

func unlog(t *testing.T, log []byte) string {
	t.Helper()
	var out strings.Builder
	for entry := range strings.Lines(string(log)) {
		fields := strings.SplitN(strings.TrimSuffix(entry, "\n"), " ", 4)
		if len(fields) != 4 || fields[0] != "1970-01-01T00:00:00Z" || fields[1] != "stdout" || len(fields[3]) > MaxLogLine {
			t.Fatalf("bad entry %.80q", entry)
		}
		out.WriteString(fields[3])
		if fields[2] == "F" {
			out.WriteString("\n")
		}
	}
	return out.String()
}
