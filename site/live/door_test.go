package live

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhoNeedsTheServerWaitsUntilItAnswersAndPeopleAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var said []string
		d := newDoor(func(level, _ string) { said = append(said, level) })
		var answers atomic.Bool
		go d.watch(ctx, func(ctx context.Context) error {
			if !answers.Load() {
				return errors.New("connection refused")
			}
			return nil
		})
		var passed atomic.Int32
		pass := func() {
			if d.pass(ctx) {
				passed.Add(1)
			}
		}
		go pass()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if passed.Load() != 0 || !slices.Equal(said, []string{"error"}) {
			t.Errorf("while it does not answer, %d passed, and people were told %v", passed.Load(), said)
		}
		answers.Store(true)
		time.Sleep(lookAgain)
		synctest.Wait()
		if passed.Load() != 1 {
			t.Error("it answers, and nobody passed")
		}
		answers.Store(false)
		d.failed(ctx) // somebody noticed before the next look
		synctest.Wait()
		go pass()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"error", "clear", "error"}, said); diff != "" || passed.Load() != 1 {
			t.Errorf("%d passed; people were told (-want +got):\n%s", passed.Load(), diff)
		}
	})
}
