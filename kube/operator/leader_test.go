package operator

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// system is the namespace that an election's lease lies in.
var system = &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespaceSystem}}

// copyOf starts one copy of a program that does nothing but lead. The channel tells when it begins.
func copyOf(ctx context.Context, c *Client, identity string) (leads chan string, ended chan error) {
	leads, ended = make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- c.Lead(ctx, "scheduler", identity, func(ctx context.Context) error {
			leads <- identity
			<-ctx.Done()
			return nil
		})
	}()
	return leads, ended
}

func isReady[T any](c chan T) bool {
	synctest.Wait()
	return len(c) > 0
}

func TestOfTwoCopiesOneLeadsAndTheOtherTakesOverWhenTheLeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClient(fake.NewClientset(system), nil, "test")
		first, kill := context.WithCancel(t.Context())
		leads, _ := copyOf(first, c, "control-1")
		if !isReady(leads) {
			t.Fatal("a program that stands alone does not lead")
		}
		leads, _ = copyOf(t.Context(), c, "control-2")
		time.Sleep(time.Minute)
		if isReady(leads) {
			t.Fatal("two lead at once")
		}
		kill()
		time.Sleep(leaseTerm + 5*renewEvery) // a bystander looks now and then
		if !isReady(leads) {
			t.Fatal("nobody leads though the lease ran out")
		}
	})
}

func TestAProgramThatComesBackUnderItsNameLeadsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClient(fake.NewClientset(system), nil, "test")
		first, kill := context.WithCancel(t.Context())
		copyOf(first, c, "control-1")
		synctest.Wait()
		kill()
		leads, _ := copyOf(t.Context(), c, "control-1")
		if !isReady(leads) {
			t.Fatal("it waits for its own lease to run out")
		}
	})
}

func TestALeaderThatCannotRenewStopsBeforeItsLeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clients := fake.NewClientset(system)
		var cut atomic.Bool
		clients.PrependReactor("*", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
			return cut.Load(), nil, errors.New("the network is cut")
		})
		leads, ended := copyOf(t.Context(), NewClient(clients, nil, "test"), "control-1")
		<-leads
		cut.Store(true)
		select {
		case err := <-ended:
			if err == nil {
				t.Error("a lost lease is no error")
			}
		case <-time.After(leaseTerm):
			t.Error("it still leads when others may")
		}
	})
}
