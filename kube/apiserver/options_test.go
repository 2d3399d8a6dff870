package apiserver_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/operator"
)

// request is one HTTP request of a person.
type request struct {
	method, path string // with the query
	body         string
	contentType  string // empty: JSON
	accept       string
}

// with is the request with more in its query.
func (r request) with(query string) request {
	separator := "?"
	if strings.Contains(r.path, "?") {
		separator = "&"
	}
	r.path += separator + query
	return r
}

// send sends a request and returns the code and the text of the answer.
func send(t *testing.T, c *operator.Client, r request) (code int, answer string) {
	t.Helper()
	call := c.CoreV1().RESTClient().Verb(r.method).RequestURI(r.path)
	if r.body != "" {
		call = call.Body([]byte(r.body))
	}
	contentType := r.contentType
	if contentType == "" {
		contentType = "application/json"
	}
	call = call.SetHeader("Content-Type", contentType)
	if r.accept != "" {
		call = call.SetHeader("Accept", r.accept)
	}
	result := call.MaxRetries(0).Do(t.Context()).StatusCode(&code)
	body, err := result.Raw()
	if err != nil && len(body) == 0 {
		return code, err.Error()
	}
	return code, string(body)
}

// revision is that of the whole store: any write moves it on.
func revision(t *testing.T, c *operator.Client) string {
	t.Helper()
	list, err := c.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	return list.ResourceVersion
}

const (
	configMapsPath = "/api/v1/namespaces/default/configmaps"
	podsPath       = "/api/v1/namespaces/default/pods"
	scalePath      = "/apis/apps/v1/namespaces/default/replicasets/web/scale"
	mergePatch     = "application/merge-patch+json"
	applyPatch     = "application/apply-patch+yaml"
)

// writes are all ways to write, each of which would change something in the cluster of [writable].
var writes = map[string]request{
	"create":                       {method: "POST", path: configMapsPath, body: `{"metadata":{"name":"new"}}`},
	"create a made-up name":        {method: "POST", path: configMapsPath, body: `{"metadata":{"generateName":"new-"}}`},
	"create with an address":       {method: "POST", path: "/api/v1/namespaces/default/services", body: `{"metadata":{"name":"new"},"spec":{"type":"NodePort","ports":[{"port":80}]}}`},
	"update":                       {method: "PUT", path: configMapsPath + "/a", body: `{"metadata":{"name":"a"},"data":{"x":"2"}}`},
	"give an address back":         {method: "PATCH", path: "/api/v1/namespaces/default/services/web", contentType: mergePatch, body: `{"spec":{"type":"ClusterIP"}}`},
	"patch":                        {method: "PATCH", path: configMapsPath + "/a", contentType: mergePatch, body: `{"data":{"x":"2"}}`},
	"patch the last finalizer off": {method: "PATCH", path: configMapsPath + "/held", contentType: mergePatch, body: `{"metadata":{"finalizers":null}}`},
	"apply":                        {method: "PATCH", path: configMapsPath + "/a?fieldManager=test", contentType: applyPatch, body: `{"apiVersion":"v1","kind":"ConfigMap","data":{"y":"2"}}`},
	"apply first":                  {method: "PATCH", path: configMapsPath + "/new?fieldManager=test", contentType: applyPatch, body: `{"apiVersion":"v1","kind":"ConfigMap"}`},
	"delete":                       {method: "DELETE", path: configMapsPath + "/a"},
	"delete a pod":                 {method: "DELETE", path: podsPath + "/bound"},
	"delete all":                   {method: "DELETE", path: configMapsPath},
	"status":                       {method: "PATCH", path: podsPath + "/bound/status", contentType: mergePatch, body: `{"status":{"message":"new"}}`},
	"bind":                         {method: "POST", path: podsPath + "/free/binding", body: `{"metadata":{"name":"free"},"target":{"kind":"Node","name":"node-1"}}`},
	"evict":                        {method: "POST", path: podsPath + "/bound/eviction", body: `{"metadata":{"name":"bound"}}`},
	"scale":                        {method: "PUT", path: scalePath, body: `{"metadata":{"name":"web"},"spec":{"replicas":7}}`},
	"patch scale":                  {method: "PATCH", path: scalePath, contentType: mergePatch, body: `{"spec":{"replicas":7}}`},
	"finalize":                     {method: "PUT", path: "/api/v1/namespaces/gone/finalize", body: `{"metadata":{"name":"gone"},"spec":{"finalizers":[]}}`},
}

// writable is a cluster with one object for each of [writes].
func writable(t *testing.T) *operator.Client {
	t.Helper()
	c := start(t).Admin()
	for _, r := range []request{
		{method: "POST", path: configMapsPath, body: `{"metadata":{"name":"a"},"data":{"x":"1"}}`},
		{method: "POST", path: configMapsPath, body: `{"metadata":{"name":"held","finalizers":["example.com/held"]}}`},
		{method: "DELETE", path: configMapsPath + "/held"},
		{method: "POST", path: "/api/v1/namespaces/default/services", body: `{"metadata":{"name":"web"},"spec":{"type":"NodePort","ports":[{"port":80}]}}`},
		{method: "POST", path: podsPath, body: `{"metadata":{"name":"free"},"spec":{"containers":[{"name":"main","image":"busybox"}]}}`},
		{method: "POST", path: podsPath, body: `{"metadata":{"name":"bound"},"spec":{"nodeName":"node-1","containers":[{"name":"main","image":"busybox"}]}}`},
		{method: "POST", path: "/apis/apps/v1/namespaces/default/replicasets", body: `{"metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"app":"web"}},` +
			`"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"main","image":"busybox"}]}}}}`},
		{method: "POST", path: "/api/v1/namespaces", body: `{"metadata":{"name":"gone"}}`},
	} {
		if code, answer := send(t, c, r); code >= 300 {
			t.Fatalf("%s %s: %d %s", r.method, r.path, code, answer)
		}
	}
	return c
}

// deletesSomething says whether the options of the request may be in its body.
func (r request) deletesSomething() bool { return r.method == "DELETE" }

func TestADryRunOfAnyVerbSucceedsAndPersistsNothing(t *testing.T) {
	c := writable(t)
	for name, write := range writes {
		tries := []request{write.with("dryRun=All")}
		if write.deletesSomething() {
			write.body = `{"dryRun":["All"]}`
			tries = append(tries, write)
		}
		if name == "evict" {
			write.body = `{"metadata":{"name":"bound"},"deleteOptions":{"dryRun":["All"]}}`
			tries = append(tries, write, write.with("dryRun=All"))
		}
		for _, try := range tries {
			before := revision(t, c)
			if code, answer := send(t, c, try); code >= 300 {
				t.Errorf("%s: %d %s", name, code, answer)
			}
			if after := revision(t, c); after != before {
				t.Errorf("%s by %s %s %s: the store went from %s to %s", name, try.method, try.path, try.body, before, after)
			}
		}
	}
}

func TestTheSameRequestsWithoutADryRunAllWrite(t *testing.T) {
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			c := writable(t)
			before := revision(t, c)
			if code, answer := send(t, c, write); code >= 300 {
				t.Errorf("%d %s", code, answer)
			}
			if revision(t, c) == before {
				t.Error("nothing was written, so that the dry run of it proves nothing")
			}
		})
	}
}

func TestAnOptionThatIsUnknownOrWrongIsRefusedAndNothingIsDone(t *testing.T) {
	c := writable(t)
	refused := func(name string, r request, wantCode int, want string) {
		t.Helper()
		before := revision(t, c)
		code, answer := send(t, c, r)
		if code != wantCode || !strings.Contains(answer, want) {
			t.Errorf("%s: %s %s %s: got %d %s, want %d and %q", name, r.method, r.path, r.body, code, answer, wantCode, want)
		}
		if after := revision(t, c); after != before {
			t.Errorf("%s: %s %s %s: the store went from %s to %s", name, r.method, r.path, r.body, before, after)
		}
	}
	for name, write := range writes {
		refused(name, write.with("dryRun=bogus"), http.StatusUnprocessableEntity, `dryRun: Unsupported value: [\"bogus\"]: supported values: \"All\"`)
		refused(name, write.with("timeout=invalid"), http.StatusBadRequest, "invalid timeout specified in the request URL")
		refused(name, write.with("includeObject=Nonsense"), http.StatusBadRequest, "includeObject: Invalid value")
		noForm := write
		noForm.accept = "application/foo"
		refused(name, noForm, http.StatusNotAcceptable, "only the following media types are accepted")
		noForm.accept, noForm.contentType, noForm.body = "", "application/foo", "x"
		refused(name, noForm, http.StatusUnsupportedMediaType, "unknown format")
		if !write.deletesSomething() {
			refused(name, write.with("fieldValidation=Nonsense"), http.StatusUnprocessableEntity, `fieldValidation: Unsupported value: \"Nonsense\"`)
		}
		if !write.deletesSomething() && write.contentType != applyPatch {
			refused(name, write.with("fieldManager="+strings.Repeat("x", 129)), http.StatusUnprocessableEntity, "fieldManager: Too long: may not be more than 128")
		}
		if write.contentType == mergePatch {
			refused(name, write.with("force=true"), http.StatusUnprocessableEntity, "force: Forbidden: may not be specified for non-apply patch")
		}
		if !write.deletesSomething() && name != "evict" {
			continue
		}
		for query, want := range map[string]string{
			"propagationPolicy=Nonsense":                        `propagationPolicy: Unsupported value: \"Nonsense\": supported values: \"Foreground\", \"Background\", \"Orphan\"`,
			"propagationPolicy=Orphan&orphanDependents=true":    "orphanDependents and deletionPropagation cannot be both set",
			"propagationPolicy=Background&orphanDependents=no!": "orphanDependents and deletionPropagation cannot be both set",
		} {
			if name != "evict" {
				refused(name, write.with(query), http.StatusUnprocessableEntity, want)
			}
		}
		for body, want := range map[string]struct {
			code int
			text string
		}{
			`{"dryRun":["bogus"]}`:                                   {422, "dryRun: Unsupported value"},
			`{"propagationPolicy":"Nonsense"}`:                       {422, "propagationPolicy: Unsupported value"},
			`{"propagationPolicy":"Orphan","orphanDependents":true}`: {422, "cannot be both set"},
			`{"gracePeriodSeconds":"soon"}`:                          {400, "gracePeriodSeconds"},
			`{"preconditions":{"uid":"of-another"}}`:                 {409, "Precondition failed: UID in precondition: of-another"},
			`{"preconditions":{"resourceVersion":"1"}}`:              {409, "Precondition failed: ResourceVersion in precondition: 1"},
		} {
			inBody := write
			inBody.body = body
			if name == "evict" {
				inBody.body = `{"metadata":{"name":"bound"},"deleteOptions":` + body + `}`
			}
			refused(name, inBody, want.code, want.text)
		}
	}
	deletion := request{method: "DELETE", path: configMapsPath + "/a"}
	refused("delete", deletion.with("gracePeriodSeconds=soon"), http.StatusBadRequest, "soon")
	deletion.body = `{"apiVersion":"v1","kind":"Pod"}`
	refused("delete", deletion, http.StatusBadRequest, "Pod")
	scale := writes["scale"]
	scale.body = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"}}`
	refused("scale", scale, http.StatusBadRequest, "must be of type Scale")
	scale.body = `{"metadata":{"name":"web"},"spec":{"replicas":-1}}`
	refused("scale", scale, http.StatusUnprocessableEntity, "spec.replicas: Invalid value: -1: must be greater than or equal to 0")
	scale.body = `{"metadata":{"name":"web","uid":"of-another"},"spec":{"replicas":1}}`
	refused("scale", scale, http.StatusConflict, "UID in precondition: of-another")
	for _, form := range []request{
		{method: "PUT", body: `{"metadata":{"name":"web"},"spec":{"replicas":7,"replica":7}}`},
		{method: "PATCH", contentType: mergePatch, body: `{"spec":{"replicas":7,"replica":7}}`},
		{method: "PATCH", contentType: "application/strategic-merge-patch+json", body: `{"spec":{"replicas":7,"replica":7}}`},
		{method: "PATCH", contentType: "application/json-patch+json", body: `[{"op":"add","path":"/spec/replica","value":7}]`},
		{method: "PATCH", contentType: applyPatch, body: `{"apiVersion":"autoscaling/v1","kind":"Scale","spec":{"replicas":7,"replica":7}}`},
	} {
		form.path = scalePath + "?fieldManager=me&fieldValidation=Strict"
		refused("scale", form, map[bool]int{true: 422, false: 400}[form.method == "PATCH" && form.contentType != applyPatch], `unknown field \"spec.replica\"`)
	}
	applied := request{method: "PATCH", path: scalePath + "?fieldManager=me", contentType: applyPatch, body: `{"apiVersion":"apps/v1","kind":"ReplicaSet","spec":{"replicas":7}}`}
	refused("apply scale", applied, http.StatusBadRequest, "must be of type Scale")
	applied.body = `{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"other"},"spec":{"replicas":7}}`
	refused("apply scale", applied, http.StatusBadRequest, "does not match the name on the URL")
	evict := writes["evict"]
	evict.body = `{"metadata":{"name":"free"}}`
	refused("evict", evict, http.StatusBadRequest, "name in URL does not match name in Eviction object")
	apply := request{method: "PATCH", path: configMapsPath + "/a", contentType: applyPatch, body: `{"apiVersion":"v1","kind":"ConfigMap"}`}
	refused("apply", apply, http.StatusUnprocessableEntity, "fieldManager: Required value: is required for apply patch")
	for query, want := range map[string]struct {
		code int
		text string
	}{
		"resourceVersionMatch=Foo&resourceVersion=1":   {422, `resourceVersionMatch: Unsupported value: \"Foo\"`},
		"resourceVersionMatch=Exact":                   {422, "resourceVersionMatch is forbidden unless resourceVersion is provided"},
		"sendInitialEvents=true":                       {422, "sendInitialEvents is forbidden for list"},
		"resourceVersion=x":                            {400, "resourceVersion"},
		"limit=x":                                      {400, "invalid syntax"},
		"labelSelector=a%3D(":                          {400, "unable to parse requirement"},
		"fieldSelector=a":                              {400, "invalid selector"},
		"timeoutSeconds=x":                             {400, "invalid syntax"},
		"watch=True&resourceVersionMatch=NotOlderThan": {422, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"},
		"watch=1&sendInitialEvents=true":               {422, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"},
	} {
		refused("list", request{method: "GET", path: configMapsPath + "?" + query}, want.code, want.text)
		if !strings.HasPrefix(query, "watch") {
			refused("delete all", request{method: "DELETE", path: configMapsPath + "?" + query}, want.code, want.text)
		}
	}
	refused("delete all", request{method: "DELETE", path: configMapsPath + "?labelSelector=a%3D("}, http.StatusBadRequest, "unable to parse requirement")
	for query, want := range map[string]struct {
		code int
		text string
	}{
		"tailLines=x":    {400, "tailLines"},
		"tailLines=-1":   {422, "tailLines: Invalid value: -1: must be greater than or equal to 0"},
		"limitBytes=0":   {422, "limitBytes: Invalid value: 0: must be greater than 0"},
		"sinceSeconds=0": {422, "sinceSeconds: Invalid value: 0: must be greater than 0"},
		"sinceSeconds=1&sinceTime=2026-01-02T03%3A04%3A05Z": {422, "at most one of `sinceTime` or `sinceSeconds` may be specified"},
		"sinceTime=yesterday":                               {400, "sinceTime"},
		"stream=Nonsense":                                   {422, "stream: Unsupported value"},
	} {
		refused("log", request{method: "GET", path: podsPath + "/bound/log?" + query}, want.code, want.text)
	}
}

func TestOnlyAbsenceZeroAndFalseAreFalse(t *testing.T) {
	c := writable(t)
	for value, watches := range map[string]bool{"True": true, "1": true, "": true, "0": false, "false": false, "False": false} {
		_, answer := send(t, c, request{method: "GET", path: configMapsPath + "?timeoutSeconds=1&fieldSelector=metadata.name%3Da&watch=" + value})
		if got := strings.HasPrefix(answer, `{"type":"ADDED"`); got != watches {
			t.Errorf("watch=%s: is a watch: %t, want %t: %.60s", value, got, watches, answer)
		}
	}
}

func TestDependentsAreOrphanedHoweverThatIsAskedFor(t *testing.T) {
	c := start(t).Admin()
	ask := func(name string, finalizers []string, options metav1.DeleteOptions) []string {
		t.Helper()
		object := configMap(name)
		object.Finalizers = append(finalizers, "example.com/keep")
		create(t, c, object)
		if err := c.CoreV1().ConfigMaps("default").Delete(t.Context(), name, options); err != nil {
			t.Fatal(err)
		}
		marked, err := c.CoreV1().ConfigMaps("default").Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return marked.Finalizers
	}
	yes, no, background := true, false, metav1.DeletePropagationBackground
	for _, c := range []struct {
		name       string
		finalizers []string
		options    metav1.DeleteOptions
		want       string // "": neither finalizer of the garbage collector
	}{
		//lint:ignore SA1019 clients still send it
		{"by-the-older-option", nil, metav1.DeleteOptions{OrphanDependents: &yes}, metav1.FinalizerOrphanDependents},
		//lint:ignore SA1019 clients still send it
		{"the-older-option-says-no", []string{metav1.FinalizerOrphanDependents}, metav1.DeleteOptions{OrphanDependents: &no}, ""},
		{"by-a-finalizer", []string{metav1.FinalizerOrphanDependents}, metav1.DeleteOptions{}, metav1.FinalizerOrphanDependents},
		{"by-the-other-finalizer", []string{metav1.FinalizerDeleteDependents}, metav1.DeleteOptions{}, metav1.FinalizerDeleteDependents},
		{"the-policy-wins", []string{metav1.FinalizerOrphanDependents}, metav1.DeleteOptions{PropagationPolicy: &background}, ""},
	} {
		got := strings.Join(ask(c.name, c.finalizers, c.options), " ")
		if want := strings.TrimSpace("example.com/keep " + c.want); got != want {
			t.Errorf("%s: finalizers are %q, want %q", c.name, got, want)
		}
	}
}

func TestOptionsInTheBodyOfADeleteAreThoseThatCount(t *testing.T) {
	c := writable(t)
	both := request{method: "DELETE", path: configMapsPath + "/a?propagationPolicy=Nonsense", body: `{"dryRun":["All"]}`}
	if code, answer := send(t, c, both); code != http.StatusOK {
		t.Errorf("the query beside a body: got %d %s, want that it is not read", code, answer)
	}
	if _, err := c.CoreV1().ConfigMaps("default").Get(t.Context(), "a", metav1.GetOptions{}); err != nil {
		t.Errorf("a dry run in the body: %v", err)
	}
}

func TestARequestEndsWhenItsTimeIsOver(t *testing.T) {
	c := start(t).Admin()
	code, answer := send(t, c, request{method: "GET", path: configMapsPath + "?timeout=1ns"})
	if code != http.StatusGatewayTimeout || !strings.Contains(answer, "request did not complete within requested timeout") {
		t.Errorf("got %d %s, want a timeout", code, answer)
	}
	code, answer = send(t, c, request{method: "GET", path: configMapsPath + "?resourceVersion=999999999"})
	if code != http.StatusGatewayTimeout || !strings.Contains(answer, string(metav1.CauseTypeResourceVersionTooLarge)) {
		t.Errorf("a revision of the future: got %d %s, want a timeout that says why", code, answer)
	}
}

func TestAnApplyThatNamesAnElementTwiceIsToldWhere(t *testing.T) {
	c := start(t).Admin()
	twice := request{method: "PATCH", path: podsPath + "/twice?fieldManager=test", contentType: applyPatch, body: `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"twice"},` +
		`"spec":{"containers":[{"name":"main","image":"busybox","env":[{"name":"A","value":"1"},{"name":"A","value":"2"}]}]}}`}
	code, answer := send(t, c, twice)
	if want := `spec.containers[name=\"main\"].env`; code != http.StatusUnprocessableEntity || !strings.Contains(answer, want) || !strings.Contains(answer, "duplicate entries for key") {
		t.Errorf("got %d %s, want 422 and %s", code, answer, want)
	}
}

func TestAPatchThatMakesNoObjectIsInvalid(t *testing.T) {
	c := writable(t)
	wrong := writes["patch"]
	wrong.body = `{"data":[]}`
	if code, answer := send(t, c, wrong); code != http.StatusUnprocessableEntity || !strings.Contains(answer, "patch: Invalid value") {
		t.Errorf("got %d %s, want 422", code, answer)
	}
}

func TestHealthIsAskedOfAsAWholeOrInParts(t *testing.T) {
	c := start(t).Admin()
	for path, want := range map[string]string{
		"/healthz": "ok", "/livez/ping": "ok", "/readyz/etcd": "ok",
		"/readyz?verbose": "[+]ping ok\n[+]etcd ok\nreadyz check passed\n",
		"/readyz/nothing": "could not find the requested resource",
	} {
		if _, answer := send(t, c, request{method: "GET", path: path}); !strings.Contains(answer, want) {
			t.Errorf("%s: got %s, want %s", path, answer, want)
		}
	}
}

func TestAPathThatLeadsNowhereNamesNoObject(t *testing.T) {
	c := writable(t)
	for _, path := range []string{podsPath + "/bound/ephemeral", "/apis/nowhere", "/api/v1/nothings/x"} {
		if code, answer := send(t, c, request{method: "GET", path: path}); code != http.StatusNotFound || !strings.Contains(answer, `"details":{}`) {
			t.Errorf("%s: got %d %s", path, code, answer)
		}
	}
}

func TestWhatTheClientCannotReadIsNotSent(t *testing.T) {
	c := start(t).Admin()
	for path, accept := range map[string]string{"/api/v1": "application/foo", "/apis": "application/foo", "/version": "image/png"} {
		if code, answer := send(t, c, request{method: "GET", path: path, accept: accept}); code != http.StatusNotAcceptable {
			t.Errorf("%s: got %d %s, want 406", path, code, answer)
		}
	}
	may := request{method: "POST", path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body: `{"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}`,
		accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
	if _, answer := send(t, c, may); !strings.Contains(answer, `"kind":"SelfSubjectAccessReview"`) {
		t.Errorf("a table of a review: got %s, want the review", answer)
	}
}

// warned counts warnings.
type warned []string

func (w *warned) HandleWarningHeader(_ int, _ string, text string) { *w = append(*w, text) }

func TestAPersonIsWarnedOnceOfWhatTheyHardlyMean(t *testing.T) {
	c := start(t).Admin()
	odd := `{"metadata":{"name":"odd"},"spec":{"containers":[{"name":"main","image":"busybox","env":[{"name":"A"},{"name":"A"}]}]}}`
	template := `{"metadata":{"name":"odd"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},` + odd[strings.Index(odd, `"spec"`):] + `}}`
	for _, r := range []request{
		{method: "POST", path: podsPath, body: odd},
		{method: "POST", path: "/apis/apps/v1/namespaces/default/replicasets", body: template},
	} {
		var got warned
		err := c.CoreV1().RESTClient().Verb(r.method).RequestURI(r.path).Body([]byte(r.body)).SetHeader("Content-Type", "application/json").WarningHandler(&got).Do(t.Context()).Error()
		if err != nil || len(got) != 1 || !strings.Contains(got[0], `containers[0].env[1]: hides previous definition of "A"`) {
			t.Errorf("%s: got %q, %v, want one warning", r.path, got, err)
		}
	}
}

func TestOfAllTheOnesAreDeletedThatAListWithTheSameOptionsHas(t *testing.T) {
	c := start(t).Admin()
	for _, name := range []string{"a", "b", "c", "d"} {
		create(t, c, configMap(name))
	}
	past := revision(t, c)
	create(t, c, configMap("e"))
	names := func(list *corev1.ConfigMapList) (names string) {
		for _, item := range list.Items {
			if item.Name != "kube-root-ca.crt" {
				names += item.Name
			}
		}
		return names
	}
	deleted := &corev1.ConfigMapList{}
	remove := func(query, wantDeleted, wantLeft string) {
		t.Helper()
		deleted = &corev1.ConfigMapList{}
		err := c.CoreV1().RESTClient().Delete().RequestURI(configMapsPath + "?" + query).Do(t.Context()).Into(deleted)
		left, listErr := c.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{})
		if err != nil || listErr != nil || names(deleted) != wantDeleted || names(left) != wantLeft {
			t.Fatalf("%s: deleted %s, left %s, want %s and %s: %v %v", query, names(deleted), names(left), wantDeleted, wantLeft, err, listErr)
		}
	}
	remove("limit=1", "a", "bcde")
	remove("limit=1&continue="+deleted.Continue, "b", "cde")
	create(t, c, configMap("a"))
	remove("limit=1&resourceVersionMatch=Exact&resourceVersion="+past, "a", "cde")
	remove("resourceVersionMatch=Exact&resourceVersion="+past, "abcd", "e")
	remove("resourceVersionMatch=NotOlderThan&resourceVersion="+past, "e", "")
}

func TestWhoAppliesAScaleManagesTheReplicasOfItsObject(t *testing.T) {
	c := writable(t)
	apply := func(query string, replicas int) (int, string) {
		body := fmt.Sprintf(`{"apiVersion":"autoscaling/v1","kind":"Scale","spec":{"replicas":%d}}`, replicas)
		return send(t, c, request{method: "PATCH", path: scalePath + "?" + query, contentType: applyPatch, body: body})
	}
	if code, answer := apply("fieldManager=a", 3); code != http.StatusConflict || !strings.Contains(answer, ".spec.replicas") {
		t.Errorf("what another manages: got %d %s, want a conflict", code, answer)
	}
	before := revision(t, c)
	if code, answer := apply("fieldManager=a&force=true&dryRun=All", 3); code != http.StatusOK || !strings.Contains(answer, `"spec":{"replicas":3}`) || revision(t, c) != before {
		t.Errorf("on trial: got %d %s, and the store went from %s to %s", code, answer, before, revision(t, c))
	}
	if code, answer := apply("fieldManager=a&force=true", 3); code != http.StatusOK || !strings.Contains(answer, `"kind":"Scale"`) {
		t.Fatalf("got %d %s", code, answer)
	}
	set, err := c.AppsV1().ReplicaSets("default").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || *set.Spec.Replicas != 3 {
		t.Fatalf("replicas %v, %v", set.Spec.Replicas, err)
	}
	if !slices.ContainsFunc(set.ManagedFields, func(m metav1.ManagedFieldsEntry) bool {
		return m.Manager == "a" && m.Operation == metav1.ManagedFieldsOperationApply && m.Subresource == "scale" && strings.Contains(m.FieldsV1.GetRawString(), "f:replicas")
	}) {
		t.Errorf("the managers are %v", set.ManagedFields)
	}
	if code, answer := apply("fieldManager=b", 4); code != http.StatusConflict || !strings.Contains(answer, ".spec.replicas") {
		t.Errorf("another manager: got %d %s, want a conflict", code, answer)
	}
}
