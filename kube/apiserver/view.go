package apiserver

import (
	"mime"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/kubernetes/scheme"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kubelab/kube/api"
)

// view is the form in which a client wants to see objects.
type view struct {
	info runtime.SerializerInfo // JSON, YAML or protobuf
	as   string                 // "", "Table" or "PartialObjectMetadata"
}

// plainJSON says whether the bytes that the cache shares are what the client wants.
func (v view) plainJSON() bool { return v.as == "" && v.info.MediaType == runtime.ContentTypeJSON }

// negotiate picks the first form of the Accept header that the server has.
func negotiate(c *call) (view, error) {
	accepted := c.r.Header.Get("Accept")
	if accepted == "" {
		accepted = "*/*"
	}
	for _, clause := range strings.Split(accepted, ",") {
		mediaType, params, err := mime.ParseMediaType(strings.TrimSpace(clause))
		if err != nil {
			continue
		}
		if v, ok := viewOf(mediaType, params); ok && (v.as != "Table" || c.hasTable()) {
			return v, nil
		}
	}
	return view{}, apierrors.NewGenericServerResponse(http.StatusNotAcceptable, c.verb, noResource, "",
		"only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf", 0, false)
}

// hasTable says whether the answer can be a table: what is only answered and never kept has no columns.
func (c *call) hasTable() bool {
	return c.kind != nil && !isReview(c.kind) && c.subresource != "binding" && c.subresource != "eviction"
}

// acceptsJSON refuses a client that takes no form in which discovery is written.
func (c *call) acceptsJSON() error {
	for _, other := range []string{"as=APIGroupDiscoveryList", "application/com.github.proto-openapi"} {
		if strings.Contains(c.r.Header.Get("Accept"), other) {
			return nil
		}
	}
	_, err := negotiate(c)
	return err
}

func viewOf(mediaType string, params map[string]string) (view, bool) {
	if mediaType == "*/*" || mediaType == "application/*" {
		mediaType = runtime.ContentTypeJSON
	}
	info, known := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), mediaType)
	if !known || info.MediaType == runtime.ContentTypeCBOR {
		return view{}, false
	}
	as := strings.TrimSuffix(params["as"], "List")
	if as != "" && (params["g"] != metav1.GroupName || params["v"] != "v1") {
		return view{}, false
	}
	if as == "Table" && info.MediaType == runtime.ContentTypeProtobuf {
		return view{}, false // a table has cells of any type, which protobuf cannot carry
	}
	return view{info, as}, as == "" || as == "Table" || as == "PartialObjectMetadata"
}

// show makes an object into what the view asks for.
func (v view) show(c *call, kind *api.Kind, object api.Object) runtime.Object {
	switch v.as {
	case "Table":
		return table(c, kind, []api.Object{object}, metav1.ListMeta{ResourceVersion: object.GetResourceVersion()})
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

// writeObject answers with one object in the form that the client asked for. Where kind is nil, it has only one.
func (s *Server) writeObject(c *call, code int, kind *api.Kind, object runtime.Object) error {
	if typed, ok := object.(api.Object); ok && kind != nil {
		object = c.view.show(c, kind, typed)
	}
	return write(c, code, object)
}

func write(c *call, code int, object runtime.Object) error {
	body, err := runtime.Encode(c.view.info.Serializer, object)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	c.w.Header().Set("Content-Type", c.view.info.MediaType)
	c.w.WriteHeader(code)
	_, _ = c.w.Write(body) // a client that is gone needs no answer
	return nil
}
