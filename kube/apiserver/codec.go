package apiserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"kubelab/kube/api"
	"kubelab/kube/store"
	"kubelab/kube/trace"
)

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
func readBody(c *call) ([]byte, string, error) {
	mediaType := c.contentType()
	if mediaType == "" {
		mediaType = runtime.ContentTypeJSON
	}
	if _, known := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), mediaType); !known {
		return nil, mediaType, unsupportedMediaType(mediaType)
	}
	body, err := readAll(c, mediaType)
	return body, mediaType, err
}

// readAll reads a body that is within bounds.
func readAll(c *call, mediaType string) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return nil, tooLarge("limit is %d", maxBody)
	}
	if err != nil {
		return nil, apierrors.NewBadRequest("read the body: " + err.Error())
	}
	return body, checkSize(body, mediaType)
}

func unsupportedMediaType(mediaType string) error {
	err := apierrors.NewGenericServerResponse(http.StatusUnsupportedMediaType, "", noResource, "",
		fmt.Sprintf("the body of the request was in an unknown format %q - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf", mediaType), 0, false)
	return err
}

// decodeBody reads an object of the given kind from a request. A field that the kind does not have is an error, a
// warning or nothing, as the client asked with fieldValidation.
func decodeBody(c *call, kind *api.Kind) (api.Object, error) {
	object := kind.New()
	return object, decodeInto(c, object, kind.GroupVersionKind)
}

// decodeInto reads a body of a kind that need not be the resource's.
func decodeInto(c *call, object runtime.Object, gvk schema.GroupVersionKind) error {
	body, mediaType, err := readBody(c)
	if err != nil {
		return err
	}
	return decodeBytes(c, body, mediaType, object, gvk)
}

func decodeBytes(c *call, body []byte, mediaType string, object runtime.Object, want schema.GroupVersionKind) error {
	info, _ := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), mediaType) // readBody has looked
	strict := info.StrictSerializer
	if strict == nil || c.write.FieldValidation == metav1.FieldValidationIgnore {
		strict = info.Serializer
	}
	decoded, gvk, err := strict.Decode(body, &want, object)
	if runtime.IsStrictDecodingError(err) {
		if c.write.FieldValidation == metav1.FieldValidationStrict {
			return apierrors.NewBadRequest(err.Error())
		}
		if problems, ok := runtime.AsStrictDecodingError(err); ok {
			for _, problem := range problems.Errors() {
				c.warn(problem.Error())
			}
		}
		err = nil // what the kind has is decoded
	}
	if err != nil {
		return apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v", want.Kind, want.Version, want.Kind, err))
	}
	if decoded != object || *gvk != want {
		return apierrors.NewBadRequest(fmt.Sprintf("the object provided is unrecognized (must be of type %s): it is a %s", want.Kind, gvk))
	}
	return nil
}

// warn tells the client, in a header that kubectl prints, what a person should know. What is tried again is said once.
func (c *call) warn(text string) {
	if c.w == nil { // the server's own call
		return
	}
	warning := "299 - " + strconv.Quote(text)
	if header := c.w.Header(); !slices.Contains(header["Warning"], warning) {
		header.Add("Warning", warning)
	}
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
