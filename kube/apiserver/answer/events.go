package answer

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"kubelab/kube/api"
)

// Events is the stream of a watch in a view. What is added gathers until it is flushed. One goroutine may use it.
type Events struct {
	view   View
	kind   *api.Kind
	to     http.ResponseWriter
	buffer bytes.Buffer // what is not sent yet
}

// Events is a stream in this view. It has not begun. Where the view is YAML, which has none, the error is a Status that says what would be
// accepted.
func (v View) Events(w http.ResponseWriter, kind *api.Kind) (*Events, error) {
	if v.info.StreamSerializer == nil {
		return nil, notAcceptable("application/json, application/vnd.kubernetes.protobuf")
	}
	return &Events{view: v, kind: kind, to: w}, nil
}

// Begin sends the head of the answer, and what has been added.
func (e *Events) Begin() {
	mediaType := e.view.info.MediaType
	if mediaType != runtime.ContentTypeJSON {
		mediaType += ";stream=watch"
	}
	e.to.Header().Set("Content-Type", mediaType)
	e.to.WriteHeader(http.StatusOK)
	e.Flush()
}

// Add adds what happened to an object.
func (e *Events) Add(happened watch.EventType, object *Object) {
	if e.view.plainJSON() {
		e.frame(happened, object.JSON())
		return
	}
	e.encode(happened, e.view.show(e.kind, object.Is))
}

// Bookmark adds how far the watch has come: a revision, with annotations.
func (e *Events) Bookmark(revision string, annotations map[string]string) {
	object := e.kind.New()
	object.GetObjectKind().SetGroupVersionKind(e.kind.GroupVersionKind)
	object.SetResourceVersion(revision)
	object.SetAnnotations(annotations)
	shown := e.view.show(e.kind, object)
	if t, ok := shown.(*metav1.Table); ok { // a bookmark has no row
		t.Rows = []metav1.TableRow{{Cells: []any{}, Object: runtime.RawExtension{Object: partial(object)}}}
	}
	e.encode(watch.Bookmark, shown)
}

// Flush sends what has gathered. It returns false when the client is gone.
func (e *Events) Flush() bool {
	if e.buffer.Len() > 0 {
		if _, err := e.to.Write(e.buffer.Bytes()); err != nil {
			return false
		}
		e.buffer.Reset()
	}
	return http.NewResponseController(e.to).Flush() == nil
}

func (e *Events) encode(happened watch.EventType, object runtime.Object) {
	if e.view.info.MediaType == runtime.ContentTypeJSON {
		encoded, err := json.Marshal(object)
		if err != nil {
			panic(err) // what came from JSON can be encoded
		}
		e.frame(happened, encoded)
		return
	}
	encoded, err := runtime.Encode(e.view.info.Serializer, object)
	if err != nil {
		panic(err)
	}
	stream := e.view.info.StreamSerializer
	event := &metav1.WatchEvent{Type: string(happened), Object: runtime.RawExtension{Raw: encoded}}
	if err := stream.Serializer.Encode(event, stream.Framer.NewFrameWriter(&e.buffer)); err != nil {
		panic(err)
	}
}

// frame is an event in JSON.
func (e *Events) frame(happened watch.EventType, object []byte) {
	io.WriteString(&e.buffer, `{"type":"`+string(happened)+`","object":`)
	e.buffer.Write(object)
	e.buffer.WriteString("}\n")
}
