//go:build linux

package kubelet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// storyteller is a runtime of which only the stream of events is there, and who listens to it.
type storyteller struct {
	runtimeapi.RuntimeServiceClient
	grpc.ClientStream
	ctx    context.Context
	events chan *runtimeapi.ContainerEventResponse // closed: the stream breaks
	silent bool                                    // it sends no header before the first event
	none   bool                                    // it has no events

	mu      sync.Mutex
	began   time.Time
	refuses error // to be listed
	heard   []string
}

func newStoryteller() *storyteller {
	return &storyteller{events: make(chan *runtimeapi.ContainerEventResponse), began: time.Now()}
}

func (s *storyteller) GetContainerEvents(ctx context.Context, _ *runtimeapi.GetEventsRequest, _ ...grpc.CallOption) (grpc.ServerStreamingClient[runtimeapi.ContainerEventResponse], error) {
	s.ctx = ctx
	return s, nil
}

func (s *storyteller) Header() (metadata.MD, error) {
	if s.none {
		return nil, nil
	}
	if s.silent {
		<-s.ctx.Done()
		return nil, s.ctx.Err()
	}
	return metadata.MD{}, nil
}

func (s *storyteller) Recv() (*runtimeapi.ContainerEventResponse, error) {
	if s.none {
		return nil, status.Error(codes.Unimplemented, "unknown method GetContainerEvents")
	}
	select {
	case event, ok := <-s.events:
		if !ok {
			s.events = make(chan *runtimeapi.ContainerEventResponse)
			return nil, io.EOF
		}
		return event, nil
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
}

func (s *storyteller) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, fmt.Sprintf("%v: ", time.Since(s.began))+fmt.Sprintf(format, args...))
}

// Hear is a listener's.
func (s *storyteller) Hear(_ context.Context, event *runtimeapi.ContainerEventResponse) error {
	s.note("event of %s", event.ContainerId)
	if event.ContainerId == "" {
		return errors.New("of what, it does not say")
	}
	return nil
}

// Relist is a listener's.
func (s *storyteller) Relist(context.Context) error {
	s.mu.Lock()
	refuses := s.refuses
	s.mu.Unlock()
	if refuses == nil {
		s.note("list")
	}
	return refuses
}

// Lost is a listener's.
func (s *storyteller) Lost() { s.note("lost") }

// hears listens until the test is over, and says at the end what was heard.
func (s *storyteller) hears(t *testing.T, story func(), want ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- (&eventStream{runtime: s, observer: s}).run(ctx) }()
	synctest.Wait()
	story()
	s.mu.Lock()
	heard := s.heard
	s.mu.Unlock()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}

func TestTheRuntimeIsListedWhenItsEventsBeginAndAgainWhenTheyHaveBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStoryteller()
		s.hears(t, func() {
			s.events <- &runtimeapi.ContainerEventResponse{ContainerId: "web"}
			synctest.Wait()
			close(s.events)
			time.Sleep(time.Second)
		}, "0s: list", "0s: event of web", "0s: lost", "100ms: list")
	})
}

func TestAnEventThatCannotBeUnderstoodCostsAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStoryteller()
		s.hears(t, func() {
			s.events <- &runtimeapi.ContainerEventResponse{}
			time.Sleep(time.Second)
		}, "0s: list", "0s: event of ", "0s: lost", "100ms: list")
	})
}

func TestWhatEventsMissAListFindsInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		newStoryteller().hears(t, func() { time.Sleep(2*relistInterval + time.Second) }, "0s: list", "30s: list", "1m0s: list")
	})
}

func TestARuntimeThatSaysNothingBeforeItsFirstEventIsListedAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStoryteller()
		s.silent = true
		s.hears(t, func() { time.Sleep(relistInterval + 2*time.Second) }, "1s: list", "31s: list")
	})
}

func TestARuntimeWithoutEventsIsAskedEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStoryteller()
		s.none = true
		s.hears(t, func() { time.Sleep(2500 * time.Millisecond) }, "0s: list", "1s: list", "2s: list")
	})
}

func TestARuntimeThatDoesNotSayWhatItHasIsCalledAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStoryteller()
		s.refuses = status.Error(codes.Unavailable, "it starts")
		s.hears(t, func() {
			time.Sleep(150 * time.Millisecond)
			s.mu.Lock()
			s.refuses = nil
			s.mu.Unlock()
			time.Sleep(time.Second)
		}, "0s: lost", "100ms: lost", "200ms: list")
	})
}
