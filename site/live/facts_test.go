package live

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"kubelab/site/record"
)

func TestOnlyWhatHasChangedIsAFrame(t *testing.T) {
	history := record.NewHistory(record.LiveLimits)
	facts := newFacts(func(frame record.Frame) { history.Append(frame) })
	for _, now := range []map[string]any{
		{"host/a": "up", "host/b": "up"}, {"host/a": "up", "host/b": "up"}, {"host/a": "cut", "host/c": "up"}, {},
	} {
		if err := facts.update("host", now); err != nil {
			t.Fatal(err)
		}
		if err := facts.update("rules", map[string]any{"rules/a": "drop"}); err != nil {
			t.Fatal(err)
		}
	}
	frames, err := history.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, frame := range frames {
		told = append(told, frame.Fact.About+" "+string(frame.Fact.Data))
	}
	want := []string{`host/a "up"`, `host/b "up"`, `rules/a "drop"`, `host/a "cut"`, `host/c "up"`, `host/b `, `host/a `, `host/c `}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
