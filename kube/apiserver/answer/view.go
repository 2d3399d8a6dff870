package answer

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"kubelab/kube/api"
)

// View is the form in which a client wants to see objects.
type View struct {
	// Include says how much of its object a row of a table carries. Empty: the metadata.
	Include metav1.IncludeObjectPolicy

	info runtime.SerializerInfo // JSON, YAML or protobuf
	as   string                 // "", "Table" or "PartialObjectMetadata"
}

// Negotiate picks the first form of an Accept header that the server has. Where tables is false, what is asked for has no columns. The
// error, a Status, says what would be accepted.
func Negotiate(accept string, tables bool) (View, error) {
	if accept == "" {
		accept = "*/*"
	}
	for _, clause := range strings.Split(accept, ",") {
		mediaType, params, err := mime.ParseMediaType(strings.TrimSpace(clause))
		if err != nil {
			continue
		}
		if v, ok := viewOf(mediaType, params); ok && (v.as != "Table" || tables) {
			return v, nil
		}
	}
	return View{}, notAcceptable("application/json, application/yaml, application/vnd.kubernetes.protobuf")
}

func notAcceptable(accepted string) error {
	return apierrors.NewGenericServerResponse(http.StatusNotAcceptable, "", schema.GroupResource{}, "",
		"only the following media types are accepted: "+accepted, 0, false)
}

func viewOf(mediaType string, params map[string]string) (View, bool) {
	if mediaType == "*/*" || mediaType == "application/*" {
		mediaType = runtime.ContentTypeJSON
	}
	info, known := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), mediaType)
	if !known || info.MediaType == runtime.ContentTypeCBOR {
		return View{}, false
	}
	as := strings.TrimSuffix(params["as"], "List")
	if as != "" && (params["g"] != metav1.GroupName || params["v"] != "v1") {
		return View{}, false
	}
	if as == "Table" && info.MediaType == runtime.ContentTypeProtobuf {
		return View{}, false // a table has cells of any type, which protobuf cannot carry
	}
	return View{info: info, as: as}, as == "" || as == "Table" || as == "PartialObjectMetadata"
}

// OnlyMetadata says whether nothing of an object is seen in this view but its metadata.
func (v View) OnlyMetadata() bool { return v.as == "PartialObjectMetadata" }

// plainJSON says whether the bytes that an [Object] shares are what the client wants.
func (v View) plainJSON() bool { return v.as == "" && v.info.MediaType == runtime.ContentTypeJSON }

// Write answers with an object in this view. Where kind is nil it is written as it is.
func (v View) Write(w http.ResponseWriter, code int, kind *api.Kind, object runtime.Object) error {
	if typed, ok := object.(api.Object); ok && kind != nil {
		object = v.show(kind, typed)
	}
	body, err := runtime.Encode(v.info.Serializer, object)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	w.Header().Set("Content-Type", v.info.MediaType)
	w.WriteHeader(code)
	_, _ = w.Write(body) // a client that is gone needs no answer
	return nil
}

// show makes an object into what the view asks for.
func (v View) show(kind *api.Kind, object api.Object) runtime.Object {
	switch v.as {
	case "Table":
		return v.table(kind, []api.Object{object}, metav1.ListMeta{ResourceVersion: object.GetResourceVersion()})
	case "PartialObjectMetadata":
		return partial(object)
	}
	return object
}

// partial is an object's metadata without the rest.
func partial(object api.Object) *metav1.PartialObjectMetadata {
	encoded, err := json.Marshal(object)
	result := &metav1.PartialObjectMetadata{}
	if err == nil {
		err = json.Unmarshal(encoded, result)
	}
	if err != nil {
		panic(err) // an object's metadata is JSON
	}
	result.TypeMeta = metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"}
	return result
}
