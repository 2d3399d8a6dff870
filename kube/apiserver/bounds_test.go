package apiserver_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	corev1 "k8s.io/api/core/v1"
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
				code = http.StatusOK
				if err := request.Do(t.Context()).Error(); err != nil {
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
