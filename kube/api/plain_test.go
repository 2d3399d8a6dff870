package api

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// cells is the row of kubectl get, by column.
func cells(kind Kind, o Object) map[string]any {
	row := map[string]any{}
	for _, c := range kind.Columns {
		row[c.Name] = c.Value(o)
	}
	return row
}

func messages(errs field.ErrorList) []string {
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return texts
}

func TestKeysOfAConfigMapCanBecomeFiles(t *testing.T) {
	kind := configMap.Kind()
	m := &corev1.ConfigMap{Data: map[string]string{"a/b": "", "both": ""}, BinaryData: map[string][]byte{"both": nil}}
	want := []string{
		`data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
		`data[both]: Invalid value: "both": duplicate of key present in binaryData`,
	}
	if diff := cmp.Diff(want, messages(kind.Validate(m))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAConfigMapHoldsAMebibyteAtMost(t *testing.T) {
	full := &corev1.ConfigMap{Data: map[string]string{"a": strings.Repeat("x", maxData)}}
	if got := messages(configMap.Validate(full)); got != nil {
		t.Errorf("a full one: %v", got)
	}
	full.BinaryData = map[string][]byte{"b": {1}}
	if diff := cmp.Diff([]string{"[]: Too long: may not be more than 1048576 bytes"}, messages(configMap.Validate(full))); diff != "" {
		t.Errorf("one byte more (-want +got):\n%s", diff)
	}
}

func TestWhatIsImmutableStaysSo(t *testing.T) {
	old := &corev1.ConfigMap{Immutable: new(true), Data: map[string]string{"a": "1"}}
	now := &corev1.ConfigMap{Data: map[string]string{"a": "2"}}
	want := []string{
		"immutable: Forbidden: field is immutable when `immutable` is set",
		"data: Forbidden: field is immutable when `immutable` is set",
	}
	if diff := cmp.Diff(want, messages(configMap.ValidateUpdate(now, old))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := configMap.ValidateUpdate(old, now); got != nil {
		t.Errorf("becoming immutable: %v", got)
	}
}

func TestASecretIsWrittenAsTextAndKeptAsBytes(t *testing.T) {
	s := &corev1.Secret{Data: map[string][]byte{"a": []byte("old"), "b": []byte("kept")}, StringData: map[string]string{"a": "new"}}
	secret.Default(s)
	want := &corev1.Secret{Type: "Opaque", Data: map[string][]byte{"a": []byte("new"), "b": []byte("kept")}}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASecretHoldsWhatItsTypePromises(t *testing.T) {
	for name, test := range map[string]struct {
		secret corev1.Secret
		want   []string
	}{
		"a certificate": {corev1.Secret{Type: corev1.SecretTypeTLS, Data: map[string][]byte{"tls.crt": nil}}, []string{"data[tls.key]: Required value"}},
		"a registry's password": {corev1.Secret{Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{".dockerconfigjson": []byte("secret")}},
			[]string{`data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": must be valid JSON`}},
		"anything": {corev1.Secret{Type: "example.com/any"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, messages(secret.Validate(&test.secret))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestASecretKeepsItsType(t *testing.T) {
	got := messages(secret.ValidateUpdate(&corev1.Secret{Type: "Opaque"}, &corev1.Secret{Type: corev1.SecretTypeTLS}))
	if diff := cmp.Diff([]string{`type: Invalid value: "Opaque": field is immutable`}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnEventIsWhereItsObjectIs(t *testing.T) {
	for name, test := range map[string]struct {
		in, about string
		right     bool
	}{
		"with its object":      {"shop", "shop", true},
		"elsewhere":            {"shop", "bank", false},
		"about a node":         {"default", "", true},
		"about a node, astray": {"shop", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			e := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: test.in}, InvolvedObject: corev1.ObjectReference{Namespace: test.about}}
			if got := event.Validate(e); (got == nil) != test.right {
				t.Errorf("problems: %v", got)
			}
		})
	}
}

func TestAnEventShowsWhenItWasLastSeenAndHowOften(t *testing.T) {
	ago := func(d time.Duration) time.Time { return time.Now().Add(-d) }
	e := &corev1.Event{
		Type: "Warning", Reason: "BackOff", Message: " restarting\n", Count: 3,
		FirstTimestamp: metav1.NewTime(ago(time.Hour)), LastTimestamp: metav1.NewTime(ago(time.Minute)),
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "web"}, Source: corev1.EventSource{Component: "kubelet", Host: "n1"},
	}
	want := map[string]any{
		"Last Seen": "60s", "Type": "Warning", "Reason": "BackOff", "Object": "pod/web", "Subobject": "", "Source": "kubelet, n1",
		"Message": "restarting", "First Seen": "60m", "Count": int64(3), "Name": "",
	}
	if diff := cmp.Diff(want, cells(event.Kind(), e)); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

func TestPlainKindsGoByTheirUsualNames(t *testing.T) {
	got := map[string][]string{}
	for _, kind := range Kinds {
		got[kind.Plural] = kind.Short
	}
	want := map[string][]string{"configmaps": {"cm"}, "secrets": nil, "events": {"ev"}, "leases": nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnEventIsALineAndNotABook(t *testing.T) {
	book := strings.Repeat("x", 1<<20)
	for want, edit := range map[string]func(*corev1.Event){
		"":                   func(e *corev1.Event) { e.Message = strings.Repeat("x", 2000) },
		"message":            func(e *corev1.Event) { e.Message = book },
		"reason":             func(e *corev1.Event) { e.Reason = book },
		"action":             func(e *corev1.Event) { e.Action = book },
		"type":               func(e *corev1.Event) { e.Type = book },
		"reportingComponent": func(e *corev1.Event) { e.ReportingController = book },
		"reportingInstance":  func(e *corev1.Event) { e.ReportingInstance = book },
		"source.component":   func(e *corev1.Event) { e.Source.Component = book },
		"source.host":        func(e *corev1.Event) { e.Source.Host = book },
		"involvedObject":     func(e *corev1.Event) { e.InvolvedObject.FieldPath = book },
		"related":            func(e *corev1.Event) { e.Related = &corev1.ObjectReference{Name: book} },
		"metadata":           func(e *corev1.Event) { e.Annotations = map[string]string{"a": book} },
	} {
		e := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}, InvolvedObject: corev1.ObjectReference{Namespace: "shop"}}
		edit(e)
		got := ""
		for _, err := range event.Validate(e) {
			got = err.Field
		}
		if got != want {
			t.Errorf("an error at %q, want %q", got, want)
		}
	}
}

func TestAnEventWithATimeOfItsOwnSaysWhoTellsOfWhat(t *testing.T) {
	whole := corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}, InvolvedObject: corev1.ObjectReference{Namespace: "shop"}, EventTime: metav1.NowMicro(),
		Reason: "Killed", Action: "Kill", ReportingController: "example.com/a", ReportingInstance: "a-1"}
	for want, edit := range map[string]func(*corev1.Event){
		"":                         func(*corev1.Event) {},
		"reason":                   func(e *corev1.Event) { e.Reason = "" },
		"action":                   func(e *corev1.Event) { e.Action = "" },
		"reportingComponent":       func(e *corev1.Event) { e.ReportingController = "a b" },
		"reportingInstance":        func(e *corev1.Event) { e.ReportingInstance = "" },
		"message":                  func(e *corev1.Event) { e.Message = strings.Repeat("x", 1025) },
		"involvedObject.namespace": func(e *corev1.Event) { e.InvolvedObject.Namespace = "" },
	} {
		e := whole
		edit(&e)
		got := ""
		for _, err := range event.Validate(&e) {
			got = err.Field
		}
		if got != want {
			t.Errorf("an error at %q, want %q", got, want)
		}
	}
}
