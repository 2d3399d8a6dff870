package apiserver

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"sigs.k8s.io/yaml"

	"kubelab/kube/api"
	"kubelab/kube/store"
	"kubelab/kube/trace"
)

// jsonInfo is how JSON is read.
var jsonInfo, _ = runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), runtime.ContentTypeJSON)

// maxBody bounds a request's body, as upstream does for what etcd has to take.
const maxBody = 3 << 20

// stored is what the cache keeps of an object. It is decoded once and encoded once, however many clients
// read it.
type stored struct {
	kind   *api.Kind
	object api.Object // shared: nobody may change it

	once sync.Once
	json []byte
}

// JSON is the object as it is sent, with its resourceVersion.
func (o *stored) JSON() []byte {
	o.once.Do(func() {
		encoded, err := json.Marshal(o.object)
		if err != nil {
			panic(fmt.Sprintf("encode %s %s: %v", o.kind.Kind, o.object.GetName(), err)) // it came from JSON
		}
		o.json = encoded
	})
	return o.json
}

// decodeRecord makes a record of the store into an object or a step. What is neither (a claim) has no object.
func (s *Server) decodeRecord(record store.Record) (any, error) {
	if strings.HasPrefix(record.Key, stepsPrefix) {
		return decodeStep(record)
	}
	rest, isObject := strings.CutPrefix(record.Key, "/registry/")
	if !isObject {
		return nil, nil
	}
	part, _, _ := strings.Cut(rest, "/")
	kind := s.byKey[part]
	if kind == nil {
		return nil, fmt.Errorf("no kind has keys like this")
	}
	return decodeObject(kind, record)
}

func decodeObject(kind *api.Kind, record store.Record) (*stored, error) {
	object := kind.New()
	if err := json.Unmarshal(record.Value, object); err != nil {
		return nil, err
	}
	object.SetResourceVersion(strconv.FormatInt(int64(record.Revision), 10))
	return &stored{kind: kind, object: object}, nil
}

// encodeObject is the form in which an object is stored: JSON, which a person can read with etcdctl. The
// revision is etcd's to say.
func encodeObject(kind *api.Kind, object api.Object) ([]byte, error) {
	object.GetObjectKind().SetGroupVersionKind(kind.GroupVersionKind)
	object.SetResourceVersion("")
	return json.Marshal(object)
}

// readBody reads a request's body and says in which form it is.
func readBody(c *call) ([]byte, runtime.SerializerInfo, error) {
	mediaType := runtime.ContentTypeJSON
	if header := c.r.Header.Get("Content-Type"); header != "" {
		parsed, _, err := mime.ParseMediaType(header)
		if err != nil {
			return nil, runtime.SerializerInfo{}, apierrors.NewBadRequest("Content-Type: " + err.Error())
		}
		mediaType = parsed
	}
	info, known := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), mediaType)
	if !known {
		return nil, info, unsupportedMediaType(mediaType)
	}
	body, err := readAll(c)
	return body, info, err
}

func readAll(c *call) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	if err != nil {
		return nil, apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("a request's body may have %d bytes: %v", maxBody, err))
	}
	return body, nil
}

func unsupportedMediaType(mediaType string) error {
	err := apierrors.NewGenericServerResponse(http.StatusUnsupportedMediaType, "", noResource, "",
		fmt.Sprintf("the body of the request was in an unknown format %q - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf", mediaType), 0, false)
	return err
}

// decodeBody reads an object of the given kind from a request. A field that the kind does not have is an error, a
// warning or nothing, as the client asked with fieldValidation.
func decodeBody(c *call, kind *api.Kind) (api.Object, error) {
	body, info, err := readBody(c)
	if err != nil {
		return nil, err
	}
	return decodeBytes(c, kind, body, info)
}

func decodeBytes(c *call, kind *api.Kind, body []byte, info runtime.SerializerInfo) (api.Object, error) {
	strict := info.StrictSerializer
	if strict == nil || c.query("fieldValidation") == metav1.FieldValidationIgnore {
		strict = info.Serializer
	}
	decoded, gvk, err := strict.Decode(body, &kind.GroupVersionKind, kind.New())
	if runtime.IsStrictDecodingError(err) {
		if c.query("fieldValidation") == metav1.FieldValidationStrict {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		warn(c, err)
		decoded, gvk, err = info.Serializer.Decode(body, &kind.GroupVersionKind, kind.New())
	}
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v", kind.Kind, kind.Version, kind.Kind, err))
	}
	object, ok := decoded.(api.Object)
	if !ok || *gvk != kind.GroupVersionKind {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("the object provided is unrecognized (must be of type %s): it is a %s", kind.Kind, gvk))
	}
	return object, nil
}

// warn tells the client about each unknown or repeated field in a header that kubectl prints.
func warn(c *call, err error) {
	strict, ok := runtime.AsStrictDecodingError(err)
	if !ok {
		return
	}
	for _, problem := range strict.Errors() {
		c.w.Header().Add("Warning", "299 - "+strconv.Quote(problem.Error()))
	}
}

// decodeOptions reads DeleteOptions, which a client may send as a body, in the URL, or not at all.
func decodeOptions(c *call) (metav1.DeleteOptions, error) {
	var options metav1.DeleteOptions
	body, info, err := readBody(c)
	if err != nil {
		return options, err
	}
	if len(body) > 0 {
		err = decodeOptionsBody(body, info, &options)
	} else {
		err = metav1.Convert_url_Values_To_v1_DeleteOptions(ptr(c.r.URL.Query()), &options, nil)
	}
	if err != nil {
		return options, apierrors.NewBadRequest("read DeleteOptions: " + err.Error())
	}
	return options, nil
}

// decodeOptionsBody reads options of whatever group a client thinks they are of: kubectl says meta.k8s.io, others the
// resource's own.
func decodeOptionsBody(body []byte, info runtime.SerializerInfo, options *metav1.DeleteOptions) error {
	if info.MediaType != runtime.ContentTypeProtobuf {
		return yaml.Unmarshal(body, options) // JSON is YAML
	}
	gvk := corev1.SchemeGroupVersion.WithKind("DeleteOptions")
	_, _, err := info.Serializer.Decode(body, &gvk, options)
	return err
}

func ptr[T any](value T) *T { return &value }

// stepOf completes a step of the record that led to it.
func decodeStep(record store.Record) (*trace.Step, error) {
	step := new(trace.Step)
	if err := json.Unmarshal(record.Value, step); err != nil {
		return nil, err
	}
	if step.ID == "" { // the step of a write: it is known by the revision of its transaction
		step.SetRevision(int64(record.Created))
	}
	return step, nil
}
