package apiserver_test

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/operator"
	"kubelab/kube/store"
	"kubelab/kube/store/storetest"
)

// lists counts the requests for all objects of a resource: lists, and watches that begin with all there is.
type lists struct {
	next http.RoundTripper
	n    atomic.Int32
}

func (l *lists) RoundTrip(r *http.Request) (*http.Response, error) {
	query := r.URL.Query()
	watches := query.Get("watch") == "true" || query.Get("watch") == "1"
	if r.Method == http.MethodGet && (!watches || query.Get("sendInitialEvents") == "true") {
		l.n.Add(1)
	}
	return l.next.RoundTrip(r)
}

func makeNamespace(t *testing.T, c *operator.Client, name string) {
	t.Helper()
	_, err := c.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// TestInformersGoOnWithoutListing opens both windows in which a server has not seen what its clients have.
func TestInformersGoOnWithoutListing(t *testing.T) {
	for name, c := range map[string]struct {
		members int
		gap     func(*storetest.Members, *apiservertest.Cluster)
	}{
		"AfterTheAPIServerWasRestarted": {1, func(_ *storetest.Members, c *apiservertest.Cluster) { c.Restart() }},
		"AfterEtcdHadLostItsLeader": {3, func(m *storetest.Members, _ *apiservertest.Cluster) {
			m.Break()
			m.Mend()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			etcd := storetest.StartMembers(t, c.members)
			cluster := apiservertest.StartOn(t, etcd, kinds...)
			person := cluster.Admin()
			counted := &lists{}
			config := rest.CopyConfig(person.Config)
			config.Wrap(func(next http.RoundTripper) http.RoundTripper {
				counted.next = next
				return counted
			})
			clients, err := kubernetes.NewForConfig(config)
			if err != nil {
				t.Fatal(err)
			}
			factory := informers.NewSharedInformerFactory(clients, 0)
			configMaps := factory.Core().V1().ConfigMaps().Lister()
			namespaces := factory.Core().V1().Namespaces().Lister()
			factory.Start(t.Context().Done())
			factory.WaitForCacheSync(t.Context().Done())
			create(t, person, configMap("before"))
			makeNamespace(t, person, "before")
			waitFor(t, "the informers to hear of a change: client-go lists again after a watch that was short and silent", func() bool {
				_, one := configMaps.ConfigMaps("default").Get("before")
				_, two := namespaces.Get("before")
				return one == nil && two == nil
			})
			before := counted.n.Load()
			c.gap(etcd, cluster)
			waitFor(t, "a write after the gap", func() bool {
				_, err := person.CoreV1().ConfigMaps("default").Create(t.Context(), configMap("after"), metav1.CreateOptions{})
				return err == nil || apierrors.IsAlreadyExists(err)
			})
			if err := person.CoreV1().ConfigMaps("default").Delete(t.Context(), "before", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the informer to see what happened after the gap", func() bool {
				_, after := configMaps.ConfigMaps("default").Get("after")
				_, gone := configMaps.ConfigMaps("default").Get("before")
				return after == nil && apierrors.IsNotFound(gone)
			})
			if again := counted.n.Load() - before; again != 0 {
				t.Errorf("the informers listed %d times again", again)
			}
		})
	}
}

func TestAWatchThatSeesNothingIsToldHowFarItHasComeBeforeThatIsForgotten(t *testing.T) {
	etcd := storetest.StartMembers(t, 1)
	person := apiservertest.StartOn(t, etcd, kinds...).Admin()
	now, err := person.CoreV1().Services("default").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	quiet, err := person.CoreV1().Services("default").Watch(t.Context(), metav1.ListOptions{ResourceVersion: now.ResourceVersion, FieldSelector: "metadata.name=none", AllowWatchBookmarks: true})
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Stop()
	other := etcd.Open()
	var last store.Revision
	for i := range 1000 {
		if last, err = other.Commit(t.Context(), store.Change{Put: []store.Put{{Key: "/x/busy", Value: []byte(strconv.Itoa(i))}}}); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case event := <-quiet.ResultChan():
		service, ok := event.Object.(*corev1.Service)
		if event.Type != watch.Bookmark || !ok {
			t.Fatalf("got %s %v, want a bookmark", event.Type, event.Object)
		}
		if at, err := strconv.ParseInt(service.ResourceVersion, 10, 64); err != nil || at < int64(last)-1000 {
			t.Errorf("the bookmark is at %s, the store at %d", service.ResourceVersion, last)
		}
	case <-time.After(30 * time.Second): // half of the time after which it is told anyway
		t.Error("it is told nothing")
	}
}
