package apiserver_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/trace"
)

// mostMemory is what one request may have the server, the client and all else in the test's process allocate, in bytes.
const mostMemory = 256 << 20

// allocates is how many bytes were allocated meanwhile.
func allocates(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// protobuf is a pod with many containers that have no field, two bytes each.
func protobuf(containers int) []byte {
	length := func(n int) []byte { return bytes.TrimRight(appendVarint(nil, uint64(n)), "") }
	field := func(number int, content []byte) []byte {
		return append(append([]byte{byte(number<<3 | 2)}, length(len(content))...), content...)
	}
	meta := field(1, field(1, []byte("a")))
	spec := field(2, bytes.Repeat([]byte{2<<3 | 2, 0}, containers))
	kind := field(1, append(field(1, []byte("v1")), field(2, []byte("Pod"))...))
	return append([]byte("k8s\x00"), append(kind, field(2, append(meta, spec...))...)...)
}

func appendVarint(to []byte, n uint64) []byte {
	for ; n >= 0x80; n >>= 7 {
		to = append(to, byte(n)|0x80)
	}
	return append(to, byte(n))
}

func gzipped(document string) []byte {
	var body bytes.Buffer
	writer := gzip.NewWriter(&body)
	_, _ = writer.Write([]byte(document)) // memory does not fail
	_ = writer.Close()
	return body.Bytes()
}

func TestASmallRequestNeverBecomesALargeOne(t *testing.T) {
	person := start(t).Admin()
	create(t, person, configMap("a", "x", strings.Repeat("x", 1000)))
	createPod(t, person, pod("a"))
	const maps, pods = "/api/v1/namespaces/default/configmaps", "/api/v1/namespaces/default/pods"
	doubling := `[{"op":"add","path":"/data/a","value":{"x":"x"}}`
	for i := range 40 {
		doubling += fmt.Sprintf(`,{"op":"copy","from":"/data","path":"/data/a/b%d"}`, i)
	}
	doubling += "]"
	many := "[" + strings.Repeat(`{"op":"test","path":"/kind","value":"ConfigMap"},`, 10_000) + `{"op":"test","path":"/kind","value":"ConfigMap"}]`
	laughs := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nx: &a " + strings.Repeat("x", 100_000) + "\ny: [" + strings.Repeat("*a,", 5_000) + "]\n"
	nested := "a0: &a0 x\n"
	for i := range 20 {
		nested += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 10))
	}
	containers := func(n int) string {
		return `{"metadata":{"name":"b"},"spec":{"containers":[` + strings.Repeat("{},", n) + `{}]}}`
	}
	apply := "?fieldManager=me"
	list := func(element string, n int) string { return strings.TrimSuffix(strings.Repeat(element+",", n), ",") }
	onePod := func(name, part string) []byte {
		return []byte(`{"metadata":{"name":"` + name + `"},"spec":{"containers":[{"name":"a","image":"a",` + part + `}]}}`)
	}
	numbers := make([]string, 10_000)
	for i := range numbers {
		numbers[i] = fmt.Sprintf("%d", i)
	}
	for what, c := range map[string]struct {
		method, path, contentType string
		body                      []byte
		want                      int
	}{
		"a JSON patch that copies into itself": {"PATCH", maps + "/a", "application/json-patch+json", []byte(doubling), 422},
		"a JSON patch of too many operations":  {"PATCH", maps + "/a", "application/json-patch+json", []byte(many), 413},
		"aliases of a long text":               {"PATCH", maps + "/a" + apply, "application/apply-patch+yaml", []byte(laughs), 413},
		"aliases of aliases":                   {"PATCH", maps + "/a" + apply, "application/apply-patch+yaml", []byte(nested), 413},
		"aliases in braces":                    {"PATCH", maps + "/a" + apply, "application/apply-patch+yaml", []byte("{x: &a " + strings.Repeat("x", 100_000) + ", y: [" + strings.Repeat("*a,", 5_000) + "]}"), 413},
		"an alias of what it is in":            {"PATCH", maps + "/a" + apply, "application/apply-patch+yaml", []byte("a: &a [*a]"), 413},
		"aliases in a body":                    {"POST", maps, "application/yaml", []byte(laughs), 413},
		"aliases in options":                   {"DELETE", maps + "/a", "application/yaml", []byte(laughs), 413},
		"aliases in options called JSON":       {"DELETE", maps + "/a", "application/json", []byte(laughs), 400},
		"empty containers in JSON":             {"POST", pods, "application/json", []byte(containers(900_000)), 413},
		"empty containers in YAML":             {"POST", pods, "application/yaml", []byte(containers(900_000)), 413},
		"empty containers in protobuf":         {"POST", pods, "application/vnd.kubernetes.protobuf", protobuf(1_400_000), 413},
		"empty containers in a merge patch":    {"PATCH", pods + "/a", "application/merge-patch+json", []byte(containers(900_000)), 413},
		"empty containers in a strategic one":  {"PATCH", pods + "/a", "application/strategic-merge-patch+json", []byte(containers(900_000)), 413},
		"lines of YAML":                        {"PATCH", maps + "/a" + apply, "application/apply-patch+yaml", bytes.Repeat([]byte("-\n"), 1_500_000), 413},
		"deep nesting":                         {"POST", maps, "application/json", []byte(strings.Repeat(`{"a":`, 50_000) + strings.Repeat("}", 50_000)), 400},
		"a body that is compressed":            {"POST", maps, "application/json", gzipped(strings.Repeat(" ", 16<<20)), 400},
		"a body of 4 MiB":                      {"POST", maps, "application/json", make([]byte, 4<<20), 413},
		"an object of 2 MiB":                   {"POST", pods, "application/json", []byte(`{"metadata":{"name":"c","annotations":{"a":"x"}},"spec":{"containers":[{"name":"a","image":"a","args":["` + strings.Repeat("x", 2<<20) + `"]}]}}`), 413},
		"fields without number":                {"GET", maps + "?fieldSelector=" + url.QueryEscape(strings.Repeat("metadata.name!=a,", 5000)+"metadata.name!=b"), "", nil, 400},
		"a port 20,000 times":                  {"POST", pods, "application/json", onePod("ports", `"ports":[`+list(`{"containerPort":80}`, 20_000)+`]`), 201},
		"addresses of a port":                  {"POST", pods, "application/json", onePod("addresses", `"ports":[`+list(`{"containerPort":80,"hostIP":"a"}`, 20_000)+`]`), 201},
		"a variable 20,000 times":              {"POST", pods, "application/json", onePod("env", `"env":[`+list(`{"name":"A"}`, 20_000)+`]`), 201},
		"a taint 10,000 times":                 {"POST", "/api/v1/nodes", "application/json", []byte(`{"metadata":{"name":"a"},"spec":{"taints":[` + list(`{"key":"a","effect":"NoSchedule"}`, 10_000) + `]}}`), 422},
		"values without number":                {"GET", maps + "?labelSelector=" + url.QueryEscape("a in ("+strings.Join(numbers, ",")+")"), "", nil, 400},
		"values in two terms":                  {"DELETE", maps + "?labelSelector=" + url.QueryEscape("a in ("+strings.Join(numbers[:600], ",")+"),b notin ("+strings.Join(numbers[:600], ",")+")"), "", nil, 400},
		"labels without number":                {"GET", maps + "?labelSelector=" + url.QueryEscape(strings.Repeat("a!=b,", 5000)+"a!=b"), "", nil, 400},
	} {
		t.Run(what, func(t *testing.T) {
			var code int
			used := allocates(func() {
				request := person.CoreV1().RESTClient().Verb(c.method).RequestURI(c.path)
				if c.body != nil {
					request.SetHeader("Content-Type", c.contentType).Body(c.body)
				}
				if strings.Contains(what, "compressed") {
					request.SetHeader("Content-Encoding", "gzip")
				}
				var said apierrors.APIStatus
				if err := request.Do(t.Context()).StatusCode(&code).Error(); err != nil {
					said, _ = err.(apierrors.APIStatus)
					if said == nil {
						t.Fatal(err)
					}
					code = int(said.Status().Code)
				}
			})
			if code != c.want || used > mostMemory {
				t.Errorf("%d bytes: got %d, want %d; %d MiB were allocated, at most %d may", len(c.body), code, c.want, used>>20, mostMemory>>20)
			}
			t.Logf("%d bytes took %d MiB", len(c.body), used>>20)
		})
	}
}

func TestWhatIsWithinTheBoundsIsTaken(t *testing.T) {
	person := start(t).Admin()
	yaml := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata:\n  a: &a hello\n  b: *a\n"
	applied := &corev1.ConfigMap{}
	err := person.CoreV1().RESTClient().Patch("application/apply-patch+yaml").RequestURI("/api/v1/namespaces/default/configmaps/b?fieldManager=me").
		Body([]byte(yaml)).Do(t.Context()).Into(applied)
	if err != nil || applied.Data["b"] != "hello" {
		t.Errorf("an alias: got %v, %v", applied.Data, err)
	}
	large := configMap("large", "x", strings.Repeat("[{,", 340_000))
	if create(t, person, large).Data["x"] != large.Data["x"] {
		t.Error("a large text of brackets is not what it was")
	}
}

func TestWarningsAreCutWhereTheyAreTooMany(t *testing.T) {
	c := start(t)
	warned := func(name string, variables int) []string {
		t.Helper()
		object := pod(name)
		for range variables + 1 {
			object.Spec.Containers[0].Env = append(object.Spec.Containers[0].Env, corev1.EnvVar{Name: strings.Repeat("x", 300)})
		}
		heard := &warnings{}
		config := rest.CopyConfig(c.Config())
		config.WarningHandler = heard
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.CoreV1().Pods("default").Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		return heard.texts
	}
	if few := warned("few", 10); len(few) != 10 || !strings.HasSuffix(few[9], "which may be dropped when using apply") {
		t.Errorf("few warnings: %d, the last %q", len(few), few[len(few)-1])
	}
	many, letters := warned("many", 200), 0
	for i, text := range many {
		letters += len([]rune(text))
		if !strings.HasPrefix(text, fmt.Sprintf("spec.containers[0].env[%d]: hides", i+1)) || len([]rune(text)) > 256 {
			t.Errorf("warning %d of many is %q", i, text)
		}
	}
	if len(many) < 10 || letters > 4<<10+256 {
		t.Errorf("of many: %d warnings with %d letters", len(many), letters)
	}
}

// warnings are what a client hears beside an answer.
type warnings struct{ texts []string }

func (w *warnings) HandleWarningHeader(_ int, _ string, text string) { w.texts = append(w.texts, text) }

func TestAWriteThatEtcdWillNeverTakeIsNotToBeTriedAgain(t *testing.T) {
	kind := api.Type[*corev1.ConfigMap]{Names: api.Names{Plural: "configmaps", Namespaced: true}, Claim: func(m *corev1.ConfigMap, _ api.Taken) (claims []string, _ error) {
		for i := range len(m.Data["claims"]) {
			claims = append(claims, fmt.Sprintf("claim/%s/%d", m.Name, i))
		}
		return claims, nil
	}}.Kind()
	ordinary := slices.DeleteFunc(slices.Clone(kinds), func(k api.Kind) bool { return k.Kind == kind.Kind })
	c := apiservertest.Start(t, append(ordinary, kind)...).Admin()
	create(t, c, configMap("a", "claims", strings.Repeat("x", 100)))
	_, err := c.CoreV1().ConfigMaps("default").Create(t.Context(), configMap("b", "claims", strings.Repeat("x", 1000)), metav1.CreateOptions{})
	if !apierrors.IsRequestEntityTooLargeError(err) {
		t.Errorf("a write of 1000 records: got %v, want it to be too large", err)
	}
}

func TestWhatAPersonsProgramIsCalledIsCutInTheRecord(t *testing.T) {
	c := start(t)
	config := rest.CopyConfig(c.Config())
	config.UserAgent = strings.Repeat("x", 500_000)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().ConfigMaps("default").Create(t.Context(), configMap("a"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	steps := record(t, c.Admin())
	i := slices.IndexFunc(steps, func(s trace.Step) bool { return s.Object.Name == "a" && s.Verb == "create" })
	if i < 0 || len(steps[i].Detail) > 1<<10 || !strings.HasPrefix(steps[i].Detail, "xxx") {
		t.Errorf("step %d of %d has a detail of %d bytes", i, len(steps), len(steps[max(i, 0)].Detail))
	}
}
