package store

import (
	"errors"
	"fmt"
	"testing"
)

func happened(revision Revision, key string, size int) *Event {
	return &Event{Revision: revision, Item: &Item{Record: Record{Key: key, Value: make([]byte, size), Revision: revision}}}
}

func TestAResourceThatIsWrittenAllTheTimeDoesNotCostAQuietOneItsPast(t *testing.T) {
	var h history
	h.reset(1)
	h.add(happened(2, "/registry/services/default/web", 1))
	for i := range 100_000 {
		h.add(happened(Revision(3+i), fmt.Sprintf("/registry/leases/nodes/%d", i%1000), 1))
	}
	if found, err := h.after(1, "/registry/services/default/"); err != nil || len(found) != 1 {
		t.Errorf("of services there are %d events, %v", len(found), err)
	}
	if _, err := h.after(1, "/registry/leases/"); !errors.Is(err, ErrTooOld) {
		t.Errorf("of leases: %v, want ErrTooOld", err)
	}
	if found, err := h.after(100_002-remembered, "/registry/leases/nodes/"); err != nil || len(found) != remembered {
		t.Errorf("of the newest leases there are %d events, %v", len(found), err)
	}
	if _, err := h.after(1, "/registry/"); !errors.Is(err, ErrTooOld) {
		t.Errorf("of everything: %v, want ErrTooOld", err)
	}
	if found, err := h.after(100_000, "/"); err != nil || len(found) != 2 {
		t.Errorf("of everything there are %d new events, %v", len(found), err)
	}
}

func TestThePastIsBoundedInBytesAndTheLargestResourceGivesWay(t *testing.T) {
	var h history
	h.reset(1)
	h.add(happened(2, "/registry/services/default/web", 1))
	for i := range 500 {
		h.add(happened(Revision(3+i), "/registry/configmaps/default/large", 1<<20))
	}
	kept := 0
	for _, r := range h.resources {
		for _, event := range r.events {
			kept += len(event.Item.Value)
		}
	}
	if kept != h.bytes || kept > rememberedBytes {
		t.Errorf("%d bytes are kept, and %d counted; there may be %d", kept, h.bytes, rememberedBytes)
	}
	if found, err := h.after(1, "/registry/services/"); err != nil || len(found) != 1 {
		t.Errorf("of services there are %d events, %v", len(found), err)
	}
}

func TestAPastThatIsReadLaterStandsBeforeWhatCameMeanwhile(t *testing.T) {
	var h history
	h.reset(10)
	h.add(happened(11, "/registry/pods/default/a", 1))
	h.prepend(4, []*Event{happened(5, "/registry/pods/default/a", 1), happened(6, "/registry/nodes/a", 1)})
	for prefix, want := range map[string]string{"/registry/pods/": "[5 11]", "/registry/nodes/": "[6]", "/registry/services/": "[]", "/": "[5 6 11]"} {
		found, err := h.after(4, prefix)
		var got []Revision
		for _, event := range found {
			got = append(got, event.Revision)
		}
		if fmt.Sprint(got) != want || err != nil {
			t.Errorf("%s: %v, %v; want %s", prefix, got, err, want)
		}
	}
	if _, err := h.after(3, "/registry/services/"); !errors.Is(err, ErrTooOld) {
		t.Errorf("from before the past: %v, want ErrTooOld", err)
	}
}

func TestAPastWithAHoleIsNotGivenOut(t *testing.T) {
	var h history
	h.reset(10)
	for i := range 3 * remembered { // the first events after the cache began are forgotten before the past is read
		h.add(happened(Revision(11+i), "/registry/leases/a", 1))
	}
	h.prepend(4, []*Event{happened(5, "/registry/leases/a", 1)})
	if _, err := h.after(4, "/registry/leases/"); !errors.Is(err, ErrTooOld) {
		t.Errorf("got %v, want ErrTooOld", err)
	}
}
