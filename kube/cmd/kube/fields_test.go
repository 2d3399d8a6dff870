//go:build linux

package main

import (
	"bufio"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/reviews"
	"kubelab/kube/cluster"
	"kubelab/kube/services"
)

// fieldsFile says of each field of each served type what kubelab does with it.
const fieldsFile = "../../../docs/fields.md"

// The verdicts of the file.
const (
	honoured = "honoured" // a room acts by it; the row names the room
	refused  = "refused"  // with an error that names the field
	kept     = "kept"     // stored and shown: it is for people, or for programs of theirs
	unset    = "unset"    // of a status: nothing here writes it
)

// A row is what the file says of one field: the verdict, and the room or a remark.
type row struct{ verdict, note string }

// rows reads the file, by "PodSpec.volumes".
func rows(t *testing.T) map[string]row {
	t.Helper()
	file, err := os.Open(fieldsFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	found := map[string]row{}
	typeName := ""
	line := regexp.MustCompile("^\\| `([^`]+)` \\| ([a-z]+) \\| (.*) \\|$")
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if title, ok := strings.CutPrefix(lines.Text(), "## "); ok {
			typeName = title
		}
		if m := line.FindStringSubmatch(lines.Text()); m != nil {
			found[typeName+"."+m[1]] = row{m[2], m[3]}
		}
	}
	return found
}

// A place is a field of a type, and where it is found in what the server takes: a served kind, or what else a request brings.
type place struct {
	owner reflect.Type
	field reflect.StructField
	kind  api.Kind // without a name: none
	path  []int    // of fields, from the kind's own type
}

func (p place) key() string { return p.owner.Name() + "." + jsonName(p.field) }

// goName is the field as the code has it: "k8s.io/api/core/v1.PodSpec.Volumes".
func (p place) goName() string {
	path := p.owner.PkgPath()
	if p.owner.Name() == "ListOptions" {
		path = "k8s.io/apimachinery/pkg/apis/meta/internalversion" // of which the API server makes them
	}
	return path + "." + p.owner.Name() + "." + p.field.Name
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// places walks all fields of all served types, widest first, so that each type is found at its shortest path. What lies
// within a field that is refused or unset is not walked.
func places(t *testing.T, decided map[string]row) []place {
	t.Helper()
	type visit struct {
		of   reflect.Type
		kind api.Kind
		path []int
	}
	var queue []visit
	for _, kind := range append(cluster.Kinds(services.DefaultRange), reviews.Kinds...) {
		queue = append(queue, visit{of: reflect.TypeOf(kind.New()).Elem(), kind: kind})
	}
	for _, body := range brought(t) {
		queue = append(queue, visit{of: reflect.TypeOf(body).Elem()})
	}
	var found []place
	for seen := map[reflect.Type]bool{}; len(queue) > 0; queue = queue[1:] {
		v := queue[0]
		if seen[v.of] {
			continue
		}
		seen[v.of] = true
		for i := range v.of.NumField() {
			p := place{owner: v.of, field: v.of.Field(i), kind: v.kind, path: append(slices.Clone(v.path), i)}
			if name := jsonName(p.field); name != "" && name != "-" { // else it is embedded, or no request brings it
				found = append(found, p)
			}
			verdict := decided[p.key()].verdict
			if inner, ok := structIn(p.field.Type); ok && verdict != refused && verdict != unset && p.field.Name != "TypeMeta" {
				queue = append(queue, visit{inner, v.kind, p.path})
			}
		}
	}
	return found
}

// single are types that are one value to the person who writes it.
var single = []string{"Time", "MicroTime", "Duration", "Quantity", "IntOrString", "FieldsV1"}

// structIn is the struct that a field's value consists of, behind pointers, lists and maps.
func structIn(t reflect.Type) (reflect.Type, bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t, t.Kind() == reflect.Struct && !slices.Contains(single, t.Name())
}

func TestOfEachFieldOfEachServedTypeItIsSaidWhatIsDoneWithIt(t *testing.T) {
	said := rows(t)
	var fields, decided []string
	for _, p := range places(t, said) {
		fields = append(fields, p.key())
		if _, ok := said[p.key()]; ok {
			decided = append(decided, p.key())
		}
	}
	if diff := cmp.Diff(fields, decided); diff != "" {
		t.Errorf("%s lacks fields that are served: honour them, or refuse them by name, and say so there (- has no row):\n%s", fieldsFile, diff)
	}
	for key, row := range said {
		if !slices.Contains(fields, key) {
			t.Errorf("%s: there is no field %s", fieldsFile, key)
		}
		if !slices.Contains([]string{honoured, refused, kept, unset}, row.verdict) {
			t.Errorf("%s: %s is %q: say honoured, refused, kept or unset", fieldsFile, key, row.verdict)
		}
		if row.verdict == kept && row.note == "" {
			t.Errorf("%s: say for whom %s is kept", fieldsFile, key)
		}
	}
}

func TestARefusedFieldIsNamedInTheError(t *testing.T) {
	said := rows(t)
	for _, p := range places(t, said) {
		if said[p.key()].verdict != refused {
			continue
		}
		if wrong := mistakes(t, p); !slices.ContainsFunc(wrong, func(path string) bool { return names(path, jsonName(p.field)) }) {
			t.Errorf("%s is said to be refused, but what is found wrong with it is %q", p.key(), wrong)
		}
	}
}

func TestAnHonouredFieldIsUsedByTheRoomThatHonoursIt(t *testing.T) {
	said, used := rows(t), users(t)
	for _, p := range places(t, said) {
		row, rooms := said[p.key()], used[p.goName()]
		room, library, through := strings.Cut(row.note, ", through ")
		reader, byName := strings.CutSuffix(row.note, ", by its name")
		switch {
		case row.verdict == honoured && byName:
			if !slices.Contains(used[strconv.Quote(jsonName(p.field))], reader) {
				t.Errorf("%s is said to be honoured by kube/%s, whose code has no text %q", p.key(), reader, jsonName(p.field))
			}
		case row.verdict == honoured && through:
			if !slices.Contains(used[library], room) {
				t.Errorf("%s is said to be honoured by kube/%s through %s, which it does not import", p.key(), room, library)
			}
		case row.verdict == honoured && !slices.Contains(rooms, room):
			t.Errorf("%s is said to be honoured by kube/%s, whose code does not use it: who does is %v", p.key(), room, rooms)
		case row.verdict == unset && len(rooms) > 0:
			t.Errorf("%s is said to be unset, but %v use it", p.key(), rooms)
		}
	}
}

// samples are one plain object of each kind.
var samples = map[string]string{
	"ConfigMap": `{}`, "Secret": `{}`, "Event": `{metadata: {namespace: default}}`, "Lease": `{}`, "Namespace": `{}`, "Node": `{}`, "ServiceAccount": `{}`,
	"Pod":           `{spec: {containers: [{name: a, image: a}]}}`,
	"Service":       `{spec: {ports: [{port: 80}], sessionAffinity: ClientIP}}`,
	"EndpointSlice": `{addressType: IPv4, endpoints: [{addresses: [10.0.0.1]}], ports: [{port: 80, name: a, protocol: TCP}]}`,
	"ReplicaSet":    `{spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: a}]}}}}`,
	"Deployment":    `{spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: a}]}}}}`,
}

// values are those of fields of which one value only is refused.
var values = map[string]any{"PodSpec.hostUsers": new(bool)}

// mistakes are the paths of what the API server finds wrong with an object, or with what else a request brings, that has the field at p set.
func mistakes(t *testing.T, p place) (paths []string) {
	t.Helper()
	if p.kind.Kind == "" || p.kind.Unstored {
		sent := reflect.New(p.owner)
		fill(sent.Elem().FieldByIndex(p.field.Index))
		return refusals(t, sent.Interface())
	}
	object := p.kind.New()
	if err := yaml.UnmarshalStrict([]byte(samples[p.kind.Kind]), object); err != nil || samples[p.kind.Kind] == "" {
		t.Fatalf("sample of %s: %v", p.kind.Kind, err)
	}
	at := at(reflect.ValueOf(object).Elem(), p.path)
	if value, ok := values[p.key()]; ok {
		at.Set(reflect.ValueOf(value))
	} else {
		fill(at)
	}
	if p.kind.Default != nil {
		p.kind.Default(object)
	}
	if p.kind.Validate != nil {
		for _, err := range p.kind.Validate(object) {
			paths = append(paths, err.Field)
		}
	}
	return paths
}

var index = regexp.MustCompile(`\[[^\]]*\]`)

// names says whether a path is that of a field of that name.
func names(path, name string) bool {
	steps := strings.Split(index.ReplaceAllString(path, ""), ".")
	return steps[len(steps)-1] == name
}

// at is the field at a path, whose lists and pointers it fills in.
func at(v reflect.Value, path []int) reflect.Value {
	for _, i := range path {
		for v.Kind() != reflect.Struct {
			switch {
			case v.Kind() == reflect.Slice && v.Len() == 0:
				v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			case v.Kind() == reflect.Slice:
				v = v.Index(0)
			case v.IsNil():
				v.Set(reflect.New(v.Type().Elem()))
			default:
				v = v.Elem()
			}
		}
		v = v.Field(i)
	}
	return v
}

// fill makes a value another than its zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint8:
		if v.CanInt() {
			v.SetInt(1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	}
}
