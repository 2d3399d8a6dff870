package record_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"kubelab/site/record"
)

// recorded makes a recording of five frames over one object.
func recorded(t testing.TB) (*record.History, []byte) {
	t.Helper()
	history := record.NewHistory(record.LiveLimits)
	history.Begin(record.Snapshot{Seq: 7, Cluster: "lab", Time: time.Now().UTC(), Objects: []record.Object{*object("db", 1).Object}})
	var file bytes.Buffer
	writer, err := record.NewWriter(&file, history.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	history.Append(step(2), object("web", 2), fact("rules/node-1", `{"text":"a <b> & c"}`), gone("db"), step(3))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := errors.Join(writer.Record(ctx, history), writer.Close()); err != nil {
		t.Fatal(err)
	}
	if frames, size := writer.Size(); frames != 5 || size != int64(file.Len()) {
		t.Errorf("the writer says %d frames, %d bytes; the file has %d", frames, size, file.Len())
	}
	return history, file.Bytes()
}

func zip(t testing.TB, text string) []byte {
	t.Helper()
	var file bytes.Buffer
	zipped := gzip.NewWriter(&file)
	if _, err := io.WriteString(zipped, text); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func unzip(t testing.TB, file []byte) string {
	t.Helper()
	zipped, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zipped)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestARecordingReadsAsItWasWritten(t *testing.T) {
	history, file := recorded(t)
	recording, err := record.Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	want, err := history.Next(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, recording.Frames); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if recording.Cut != "" || recording.Cluster != "lab" || !recording.To.Equal(want[4].Time) {
		t.Errorf("got %+v", recording)
	}
	if diff := cmp.Diff(history.Snapshot(), recording.History().Snapshot()); diff != "" {
		t.Errorf("the history that it makes (-want +got):\n%s", diff)
	}
}

func TestARecorderThatIsKilledLosesASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		history := record.NewHistory(record.LiveLimits)
		history.Begin(record.Snapshot{Time: time.Now()})
		var file bytes.Buffer
		writer, err := record.NewWriter(&file, history.Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go writer.Record(ctx, history)
		for revision := range int64(20) {
			history.Append(object("web", revision))
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		recording, err := record.Read(bytes.NewReader(file.Bytes())) // as it is now: nobody has closed it
		if err != nil {
			t.Fatal(err)
		}
		if n := len(recording.Frames); n < 10 || recording.Cut == "" {
			t.Errorf("of 20 frames in 2 s, %d are in the file; cut: %q", n, recording.Cut)
		}
		cancel()
		synctest.Wait()
	})
}

func TestAFileThatWasCutOffIsReadUpToItsLastWholeFrame(t *testing.T) {
	_, whole := recorded(t)
	text := unzip(t, whole)
	before := 0
	for end := range whole {
		recording, err := record.Read(bytes.NewReader(whole[:end]))
		if err != nil {
			continue // it ends before the first frame
		}
		if recording.Cut == "" || len(recording.Frames) < before {
			t.Fatalf("cut at byte %d of %d: %d frames, %q", end, len(whole), len(recording.Frames), recording.Cut)
		}
		before = len(recording.Frames)
	}
	recording, err := record.Read(bytes.NewReader(zip(t, strings.Replace(text, `"seq":11`, `"seq":12`, 1))))
	if err != nil || len(recording.Frames) != 3 || !strings.Contains(recording.Cut, "frame 12 follows frame 10") {
		t.Errorf("with a frame missing: %v, %+v", err, recording)
	}
	for _, damage := range []string{`{"seq":11`, "{}\n", "{\"seq\":11,\"fact\":{},\"step\":{}}\n"} {
		lines := strings.SplitAfter(text, "\n")
		recording, err := record.Read(bytes.NewReader(zip(t, strings.Join(lines[:5], "")+damage)))
		if err != nil || len(recording.Frames) != 3 || recording.Cut == "" {
			t.Errorf("with %q as the fourth frame: %v, %+v", damage, err, recording)
		}
	}
}

func TestAFlippedBitIsNoticedOrChangesNothing(t *testing.T) {
	_, whole := recorded(t)
	want, err := record.Read(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole { // some bits of a zip have no meaning
		damaged := bytes.Clone(whole)
		damaged[i] ^= 4
		got, err := record.Read(bytes.NewReader(damaged))
		if err == nil && got.Cut == "" && !cmp.Equal(want, got) {
			t.Fatalf("nobody noticed the bit in byte %d of %d", i, len(whole))
		}
	}
}

func TestAFileThatIsNoRecordingIsRefused(t *testing.T) {
	for name, file := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "other zip": zip(t, "hello\nworld\n"), "empty zip": zip(t, ""),
		"other JSON": zip(t, `{"format":"har"}`+"\n"), "no version": zip(t, `{"format":"kubelab-recording"}`+"\n"),
		"a name that a terminal obeys": zip(t, `{"format":"kubelab-recording","version":1,"cluster":"\u001b]0;title\u0007"}`+"\n{}\n"),
	} {
		if _, err := record.Read(bytes.NewReader(file)); !errors.Is(err, record.ErrNoRecording) {
			t.Errorf("%s: %v", name, err)
		}
	}
	newer := zip(t, `{"format":"kubelab-recording","version":2,"cluster":{}}`+"\n{}\n")
	if _, err := record.Read(bytes.NewReader(newer)); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("a newer version: %v", err)
	}
	headless := zip(t, `{"format":"kubelab-recording","version":1,"cluster":"lab"}`+"\n")
	if _, err := record.Read(bytes.NewReader(headless)); err == nil || !strings.Contains(err.Error(), "before its first frame") {
		t.Errorf("without a snapshot: %v", err)
	}
}

const begun = `{"format":"kubelab-recording","version":1,"cluster":"lab","from":"2026-01-01T10:00:00Z"}` + "\n"

// line is a frame of a file, an hour after its beginning.
func line(seq int, content string) string {
	return fmt.Sprintf(`{"seq":%d,"time":"2026-01-01T11:00:00Z",%s}`+"\n", seq, content)
}

func TestAHostileFileIsReadUpToItsLimit(t *testing.T) {
	const gone = `"gone":{"resource":"pods","name":"a"}`
	causes := func(n int) string { return `"step":{"causes":["` + strings.Repeat(`","`, n-1) + `"]}` }
	for name, c := range map[string]struct {
		frames func(yield func(string) bool) // those after the first
		read   int
		cut    string
	}{
		"one line of 5 MB":              {slices.Values([]string{strings.Repeat(" ", 5<<20)}), 1, "longer than 4 MB"},
		"lines of 270 MB in all":        {repeat(90, func(i int) string { return line(i+2, gone+`,"x":"`+strings.Repeat("x", 3<<20)+`"`) }), -1, "longer than 256 MB"},
		"more frames than a lesson has": {repeat(250_001, func(i int) string { return line(i+2, gone) }), 250_000, "more than 250000 frames"},
		"a step with too many causes":   {slices.Values([]string{line(2, causes(1000)), line(3, causes(1001))}), 2, "more than 1000 causes"},
		"an object that is none":        {slices.Values([]string{line(2, `"object":{"ref":{"resource":"pods","name":"a"},"body":null}`)}), 1, "that of"},
		"a body that is no object":      {slices.Values([]string{line(2, `"object":{"ref":{"resource":"pods","name":"a"},"body":"<img>"}`)}), 1, "no object"},
		"a pod without a spec":          {slices.Values([]string{line(2, `"object":{"ref":{"resource":"pods","name":"a"},"body":{"metadata":{"name":"a"},"spec":null}}`)}), 1, "no spec"},
		"the body of another":           {slices.Values([]string{line(2, `"object":{"ref":{"resource":"pods","name":"a"},"body":{"metadata":{"name":"b"}}}`)}), 1, `that of "b"`},
		"a time that is years away":     {slices.Values([]string{strings.Replace(line(2, gone), "2026", "9999", 1)}), 1, "days away"},
		"a time long ago":               {slices.Values([]string{strings.Replace(line(2, gone), "2026", "0001", 1)}), 1, "days away"},
	} {
		file, pipe := io.Pipe()
		go func() {
			zipped, _ := gzip.NewWriterLevel(pipe, gzip.BestSpeed) // there is such a level
			_, _ = io.WriteString(zipped, begun+"{}\n"+line(1, gone))
			for text := range c.frames {
				if _, err := io.WriteString(zipped, text); err != nil {
					return // it was refused
				}
			}
			pipe.CloseWithError(zipped.Close())
		}()
		recording, err := record.Read(file)
		file.Close()
		if err != nil || !strings.Contains(recording.Cut, c.cut) || c.read >= 0 && len(recording.Frames) != c.read {
			t.Errorf("%s: %v, %d frames, cut: %q", name, err, len(recording.Frames), recording.Cut)
		}
	}
}

func repeat(n int, make func(i int) string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(make(i)) {
				return
			}
		}
	}
}

func TestAHostileSnapshotIsRefused(t *testing.T) {
	many := func(n int, item string) string { return "[" + strings.Repeat(item+",", n-1) + item + "]" }
	const object = `{"ref":{"resource":"pods","name":"a"},"body":{"metadata":{"name":"a"},"spec":{}}}`
	for content, want := range map[string]string{
		`{"steps":` + many(2000, "{}") + `,"objects":` + many(50, object) + "}": "",
		`{"steps":` + many(2001, "{}") + "}":                                    "steps: there are more than 2000",
		`{"facts":` + many(50_001, "{}") + "}":                                  "facts: there are more than 50000",
		`{"objects":` + many(50_001, object) + "}":                              "objects: there are more than 50000",
		`{"objects":[{}]}`:                                                      "no object",
		`{"objects":{}}`:                                                        "no list",
		`{"steps":[{"causes":["` + strings.Repeat(`","`, 1000) + `"]}]}`:        "more than 1000 causes",
		`{"facts":[{"about":"` + strings.Repeat("x", 5<<20) + `"}]}`:            "longer than 4 MB",
		`{"cluster":"` + strings.Repeat("x", 33<<20) + `"}`:                     "longer than 32 MB",
	} {
		_, err := record.Read(bytes.NewReader(zip(t, begun+content+"\n")))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.60s…: %v", content, err)
		}
	}
}

func TestWhereAClockWasPutBackTimeStandsStill(t *testing.T) {
	const gone = `"gone":{"resource":"pods","name":"a"}`
	recording, err := record.Read(bytes.NewReader(zip(t, begun+"{}\n"+line(1, gone)+strings.Replace(line(2, gone), "T11", "T10", 1)+strings.Replace(line(3, gone), "T11", "T12", 1))))
	if err != nil || recording.Cut != "" {
		t.Fatalf("%v, %+v", err, recording)
	}
	var hours []int
	for _, frame := range recording.Frames {
		hours = append(hours, frame.Time.Hour())
	}
	if diff := cmp.Diff([]int{11, 11, 12}, hours); diff != "" || recording.To.Hour() != 12 {
		t.Errorf("to %v: %s", recording.To, diff)
	}
}

func FuzzAnyTextIsARecordingOrIsRefused(f *testing.F) {
	_, whole := recorded(f)
	f.Add(unzip(f, whole))
	f.Add(`{"format":"kubelab-recording","version":1,"cluster":"lab"}` + "\n" + `{"seq":-9223372036854775808}` + "\n" + `{"seq":0,"gone":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		recording, err := record.Read(bytes.NewReader(zip(t, text)))
		if err != nil {
			return
		}
		history := recording.History()
		if got := history.Snapshot().Seq; len(recording.Frames) > 0 && got != recording.Frames[len(recording.Frames)-1].Seq {
			t.Errorf("the history ends at %d", got)
		}
		var again bytes.Buffer
		writer, err := record.NewWriter(&again, recording.Snapshot)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := errors.Join(writer.Record(ctx, history), writer.Close()); err != nil {
			t.Fatal(err)
		}
		second, err := record.Read(&again)
		if err != nil || len(second.Frames) != len(recording.Frames) || second.Cut != "" {
			t.Errorf("written again: %v, %+v", err, second)
		}
	})
}

func FuzzAnyFileIsARecordingOrIsRefused(f *testing.F) {
	_, whole := recorded(f)
	f.Add(whole)
	f.Fuzz(func(t *testing.T, file []byte) {
		if recording, err := record.Read(bytes.NewReader(file)); (err == nil) != (recording != nil) {
			t.Errorf("got %v, %v", recording, err)
		}
	})
}
