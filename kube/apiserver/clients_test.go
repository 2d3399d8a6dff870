package apiserver_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	"google.golang.org/protobuf/proto"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	kubectlopenapi "k8s.io/kubectl/pkg/util/openapi"

	"kubelab/kube/access"
	"kubelab/kube/operator"
)

// Small clients ask for little, and in older words than kubectl does.

// read is what the server answers to one GET.
func read(t *testing.T, who *operator.Client, path, accept string) (int, string, []byte) {
	t.Helper()
	transport, err := rest.TransportFor(who.Config)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, who.Config.Host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", accept)
	answer, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("Content-Type"), body
}

// metric is the value of a metric with exactly these labels.
func metric(t *testing.T, who *operator.Client, name string) float64 {
	t.Helper()
	_, _, body := read(t, who, "/metrics", "text/plain")
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (.*)$`).FindSubmatch(body)
	if found == nil {
		return 0
	}
	value, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestTheServerCountsWhatItDoes(t *testing.T) {
	cluster := start(t)
	person := cluster.Admin()
	const created = `apiserver_request_total{code="201",group="",resource="configmaps",subresource="",verb="POST",version="v1"}`
	const timed = `apiserver_request_duration_seconds_count{group="",resource="configmaps",subresource="",verb="POST",version="v1"}`
	const watches = `apiserver_longrunning_requests{group="",resource="configmaps",subresource="",verb="WATCH",version="v1"}`
	const kept = `apiserver_storage_objects{resource="configmaps"}`
	before := map[string]float64{created: 0, timed: 0, watches: 0, kept: 0}
	for name := range before {
		before[name] = metric(t, person, name)
	}
	events, err := person.CoreV1().ConfigMaps("default").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Stop()
	for i := range 3 {
		create(t, person, configMap(fmt.Sprint("c", i)))
	}
	for name, more := range map[string]float64{created: 3, timed: 3, watches: 1, kept: 3} {
		waitFor(t, name, func() bool { return metric(t, person, name) == before[name]+more })
	}
	events.Stop()
	waitFor(t, "the watch to be closed", func() bool { return metric(t, person, watches) == before[watches] })
	if metric(t, person, "kubelab_cache_revision") == 0 || metric(t, person, "go_goroutines") == 0 {
		t.Error("the store's revision or the process is not told of")
	}
}

func TestWhatClientsMakeUpIsNoMetric(t *testing.T) {
	person := start(t).Admin()
	lines := func() int {
		_, _, body := read(t, person, "/metrics", "")
		return strings.Count(string(body), "\n")
	}
	ask := func(i int) {
		for _, path := range []string{"/api/v1/namespaces/default/pods/a/sub%d", "/api/v1/things%d", "/apis/g%d/v1/x", "/path%d", "/api/v1/namespaces/n%d/pods"} {
			_ = person.CoreV1().RESTClient().Verb("M" + strconv.Itoa(i)).RequestURI(fmt.Sprintf(path, i)).Do(t.Context()).Error()
			read(t, person, fmt.Sprintf(path, i), "")
		}
	}
	ask(0)
	lines() // the first look is counted in the second
	before := lines()
	for i := range 20 {
		ask(i + 1)
	}
	if after := lines(); after != before {
		t.Errorf("%d lines have become %d", before, after)
	}
}

func TestMetricsAreForThoseWhoMayReadThem(t *testing.T) {
	cluster := start(t)
	for _, who := range []access.Certificate{access.Client("ada"), access.NodeClient("node-1"), access.ComponentOn("", declared("scheduler"))} {
		if code, _, _ := read(t, cluster.Client("test", who), "/metrics", ""); code != http.StatusForbidden {
			t.Errorf("%s gets %d, want %d", who.User, code, http.StatusForbidden)
		}
	}
}

func TestTheOlderDescriptionHasAllThatTheServerCanDo(t *testing.T) {
	person := start(t).Admin()
	_, mediaType, body := read(t, person, "/openapi/v2", "application/json")
	var document struct {
		Paths       map[string]map[string]any
		Definitions map[string]map[string]any
	}
	if err := json.Unmarshal(body, &document); err != nil || mediaType != "application/json" {
		t.Fatalf("%s: %v", mediaType, err)
	}
	for _, kind := range kinds {
		path := "/apis/" + kind.GroupVersion().String() + "/" + kind.Plural
		if kind.Group == "" {
			path = "/api/v1/" + kind.Plural
		}
		if document.Paths[path]["get"] == nil {
			t.Errorf("%s is not there", path)
		}
	}
	for path, operations := range document.Paths {
		for _, name := range regexp.MustCompile(`{(\w+)}`).FindAllStringSubmatch(path, -1) {
			if !strings.Contains(fmt.Sprint(operations["parameters"]), "name:"+name[1]) {
				t.Errorf("%s does not say what %s is", path, name[1])
			}
		}
	}
	for _, name := range regexp.MustCompile(`"\$ref":"([^"]*)"`).FindAllSubmatch(body, -1) {
		definition, inside := strings.CutPrefix(string(name[1]), "#/definitions/")
		if !inside || document.Definitions[definition] == nil {
			t.Errorf("%s leads nowhere", name[1])
		}
	}
	for _, word := range []string{"oneOf", "allOf", "components/schemas"} {
		if strings.Contains(string(body), word) {
			t.Errorf("it has %s, which OpenAPI v2 has not", word)
		}
	}

	_, mediaType, body = read(t, person, "/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
	var binary openapi_v2.Document
	if err := proto.Unmarshal(body, &binary); err != nil || mediaType != "application/com.github.proto-openapi.spec.v2.v1.0+protobuf" {
		t.Fatalf("%s: %v", mediaType, err)
	}
	if len(binary.GetPaths().GetPath()) != len(document.Paths) || len(binary.GetDefinitions().GetAdditionalProperties()) != len(document.Definitions) {
		t.Error("in protobuf it has not the same paths and definitions")
	}
	resources, err := kubectlopenapi.NewOpenAPIData(&binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		if resources.LookupResource(kind.GroupVersionKind) == nil {
			t.Errorf("kubectl finds no %s in it", kind.Kind)
		}
		if !slices.Contains(resources.GetConsumes(kind.GroupVersionKind, "PATCH"), "*/*") {
			t.Errorf("kubectl does not find how a %s is patched", kind.Kind)
		}
	}
}

func TestWhatIsOnlyAnsweredIsNoTable(t *testing.T) {
	person := start(t).Admin()
	createPod(t, person, pod("a"))
	const table = "application/json;as=Table;g=meta.k8s.io;v=v1"
	for _, c := range []struct{ path, body string }{
		{"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", `{"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}`},
		{"/apis/authentication.k8s.io/v1/selfsubjectreviews", `{}`},
		{"/api/v1/namespaces/default/pods/a/binding", `{"metadata":{"name":"a"},"target":{"name":"node-1"}}`},
		{"/api/v1/namespaces/default/pods/a/eviction", `{"metadata":{"name":"a"}}`},
	} {
		ask := func(accept string) error {
			return person.CoreV1().RESTClient().Post().RequestURI(c.path).SetHeader("Content-Type", "application/json").
				SetHeader("Accept", accept).Body([]byte(c.body)).Do(t.Context()).Error()
		}
		if err := ask(table); !apierrors.IsNotAcceptable(err) {
			t.Errorf("POST %s: got %v, want NotAcceptable", c.path, err)
		}
		if err := ask(table + ",application/json"); err != nil {
			t.Errorf("POST %s, JSON will do too: %v", c.path, err)
		}
	}
	if code, _, _ := read(t, person, "/apis", table); code != http.StatusNotAcceptable {
		t.Errorf("the groups as a table: %d, want %d", code, http.StatusNotAcceptable)
	}
}
