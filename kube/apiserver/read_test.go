package apiserver_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"

	"kubelab/kube/access"
)

// next reads the events of a watch until n have come.
func next(t *testing.T, w watch.Interface, n int) []string {
	t.Helper()
	var got []string
	for len(got) < n {
		select {
		case event, open := <-w.ResultChan():
			if !open {
				t.Fatalf("the watch ended after %q", got)
			}
			name := ""
			if object, ok := event.Object.(metav1.Object); ok {
				name = object.GetName()
			}
			got = append(got, string(event.Type)+" "+name)
		case <-time.After(5 * time.Second):
			t.Fatalf("after 5 s there are only %q", got)
		}
	}
	return got
}

func TestAWatchWithASelectorSeesObjectsComeIntoItAndLeaveIt(t *testing.T) {
	c := start(t).Admin()
	w, err := c.CoreV1().ConfigMaps("default").Watch(t.Context(), metav1.ListOptions{LabelSelector: "colour=red"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	object := create(t, c, configMap("a"))
	for _, colour := range []string{"red", "red", "blue"} {
		object.Labels = map[string]string{"colour": colour}
		object.Data = map[string]string{"changed": time.Now().String()}
		if object, err = c.CoreV1().ConfigMaps("default").Update(t.Context(), object, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"ADDED a", "MODIFIED a", "DELETED a"}
	if diff := cmp.Diff(want, next(t, w, 3)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAWatchThatAsksForInitialEventsGetsThemAndABookmark(t *testing.T) {
	c := start(t).Admin()
	create(t, c, configMap("a"))
	yes := true
	w, err := c.CoreV1().ConfigMaps("default").Watch(t.Context(), metav1.ListOptions{
		SendInitialEvents: &yes, AllowWatchBookmarks: true, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if diff := cmp.Diff([]string{"ADDED a", "BOOKMARK "}, next(t, w, 2)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAWatchGoesOnFromARevisionAndSaysGoneWhenThatIsForgotten(t *testing.T) {
	c := start(t).Admin()
	first := create(t, c, configMap("a"))
	create(t, c, configMap("b"))
	w, err := c.CoreV1().ConfigMaps("default").Watch(t.Context(), metav1.ListOptions{ResourceVersion: first.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if diff := cmp.Diff([]string{"ADDED b"}, next(t, w, 1)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := c.CoreV1().ConfigMaps("default").Watch(t.Context(), metav1.ListOptions{ResourceVersion: "1"}); err == nil {
		return // revision 1 is still remembered: nothing was before it
	} else if !apierrors.IsResourceExpired(err) {
		t.Errorf("got %v, want 410 Gone", err)
	}
}

func TestAListInPagesIsTheListAsItWasAtTheFirstPage(t *testing.T) {
	c := start(t).Admin()
	for i := range 7 {
		create(t, c, configMap(fmt.Sprintf("c%d", i)))
	}
	var names []string
	options := metav1.ListOptions{Limit: 3}
	for {
		page, err := c.CoreV1().ConfigMaps("default").List(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			names = append(names, item.Name)
		}
		if len(names) == 3 {
			create(t, c, configMap("c9-later"))
		}
		if options.Continue = page.Continue; options.Continue == "" {
			break
		}
	}
	if got := strings.Join(names, " "); got != "c0 c1 c2 c3 c4 c5 c6" {
		t.Errorf("got %s", got)
	}
}

func TestObjectsAreSelectedByLabelsAndByAnyField(t *testing.T) {
	c := start(t).Admin()
	for _, name := range []string{"a", "b"} {
		object := pod(name)
		object.Labels = map[string]string{"name": name}
		createPod(t, c, object)
	}
	for _, options := range []metav1.ListOptions{{LabelSelector: "name in (b)"}, {FieldSelector: "metadata.name=b,status.phase=Pending"}} {
		list, err := c.CoreV1().Pods("").List(t.Context(), options)
		if err != nil || len(list.Items) != 1 || list.Items[0].Name != "b" {
			t.Errorf("%v: got %d pods, %v", options, len(list.Items), err)
		}
	}
	_, err := c.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodename=x"})
	if !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), "field label not supported: spec.nodename") {
		t.Errorf("got %v", err)
	}
}

func TestAClientCanAskForMetadataOnly(t *testing.T) {
	c := start(t).Admin()
	create(t, c, configMap("a", "secret", "value"))
	client, err := metadata.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 || list.Items[0].Name != "a" {
		t.Fatalf("got %+v, %v", list, err)
	}
}

func TestAStrangerMaySeeThatTheServerLivesAndNothingElse(t *testing.T) {
	cluster := start(t)
	stranger := cluster.Client("stranger", access.Client("stranger"))
	_, err := stranger.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `User "stranger" cannot list resource "pods"`) {
		t.Errorf("got %v, want forbidden", err)
	}
	if _, err := stranger.Discovery().ServerVersion(); err != nil {
		t.Errorf("version: %v", err)
	}
}

func TestAnUnknownPathOrVersionIsNotFound(t *testing.T) {
	c := start(t).Admin()
	for _, path := range []string{"/apis/apps/v9/deployments", "/api/v1/nothing", "/nothing"} {
		err := c.CoreV1().RESTClient().Get().AbsPath(path).Do(t.Context()).Error()
		if !apierrors.IsNotFound(err) {
			t.Errorf("%s: got %v, want not found", path, err)
		}
	}
}
