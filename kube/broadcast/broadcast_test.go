package broadcast

import (
	"errors"
	"slices"
	"testing"
)

func TestEveryListenerHearsAllInOrderFromTheTimeItListens(t *testing.T) {
	var news Broadcaster[int]
	early := news.Listen()
	news.Publish(1)
	late := news.Listen()
	news.Publish(2)
	for listener, want := range map[*Listener[int]][]int{early: {1, 2}, late: {2}} {
		<-listener.Wake()
		if got, err := listener.Take(); err != nil || !slices.Equal(got, want) {
			t.Errorf("heard %v, %v, want %v", got, err, want)
		}
		if again, err := listener.Take(); err != nil || len(again) > 0 {
			t.Errorf("heard once more: %v, %v", again, err)
		}
	}
	early.Close()
	news.Publish(3)
	if got, _ := early.Take(); len(got) > 0 {
		t.Errorf("after its end it heard %v", got)
	}
	if got, _ := late.Take(); !slices.Equal(got, []int{3}) {
		t.Errorf("the other heard %v", got)
	}
}

func TestAListenerThatDoesNotReadCostsNothingMoreOnceItIsCutOff(t *testing.T) {
	const bound = 2_000
	all := Broadcaster[string]{Bound: bound}
	reads, sleeps := all.Listen(), all.Listen()
	heard := 0
	for range bound + bound/2 {
		all.Publish("news")
		news, err := reads.Take()
		if err != nil {
			t.Fatal(err)
		}
		heard += len(news)
	}
	if heard != bound+bound/2 {
		t.Errorf("the one that reads has heard %d", heard)
	}
	if len(sleeps.waiting) != 0 {
		t.Errorf("for the one that does not read, %d are kept, though it is cut off", len(sleeps.waiting))
	}
	if _, err := sleeps.Take(); !errors.Is(err, ErrMissed) {
		t.Errorf("it is told %v, want that it has missed news", err)
	}
}
