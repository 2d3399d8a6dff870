package request

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// ContentType is what a request's body says that it is, without parameters.
func ContentType(r *http.Request) string {
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.TrimSpace(mediaType)
}

// ReadBody reads a body that is within bounds, and says in which form it is: JSON, YAML or protobuf. Its errors are Statuses.
func ReadBody(w http.ResponseWriter, r *http.Request) (body []byte, mediaType string, err error) {
	mediaType = ContentType(r)
	if mediaType == "" {
		mediaType = runtime.ContentTypeJSON
	}
	if _, known := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), mediaType); !known {
		return nil, mediaType, UnsupportedMediaType(mediaType)
	}
	body, err = ReadBodyAs(w, r, mediaType)
	return body, mediaType, err
}

// ReadBodyAs reads a body of a form that the caller knows.
func ReadBodyAs(w http.ResponseWriter, r *http.Request, mediaType string) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return nil, TooLarge("limit is %d", maxBody)
	}
	if err != nil {
		return nil, apierrors.NewBadRequest("read the body: " + err.Error())
	}
	return body, CheckSize(body, mediaType)
}

// UnsupportedMediaType is the answer to a body in a form that the server does not read.
func UnsupportedMediaType(mediaType string) error {
	return apierrors.NewGenericServerResponse(http.StatusUnsupportedMediaType, "", schema.GroupResource{}, "",
		fmt.Sprintf("the body of the request was in an unknown format %q - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf", mediaType), 0, false)
}

// Decode reads an object of the wanted kind from a body of one of the forms that [ReadBody] reads. A field that the kind does not have is
// an error, a warning or nothing, as the client asked with fieldValidation.
func Decode(body []byte, mediaType string, into runtime.Object, want schema.GroupVersionKind, fieldValidation string, warn func(string)) error {
	info, _ := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), mediaType) // ReadBody has looked
	strict := info.StrictSerializer
	if strict == nil || fieldValidation == metav1.FieldValidationIgnore {
		strict = info.Serializer
	}
	decoded, gvk, err := strict.Decode(body, &want, into)
	if problems, ok := runtime.AsStrictDecodingError(err); ok {
		if fieldValidation == metav1.FieldValidationStrict {
			return apierrors.NewBadRequest(err.Error())
		}
		for _, problem := range problems.Errors() {
			warn(problem.Error())
		}
		err = nil // what the kind has is decoded
	}
	if err != nil {
		return apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v", want.Kind, want.Version, want.Kind, err))
	}
	if decoded != into || *gvk != want {
		return apierrors.NewBadRequest(fmt.Sprintf("the object provided is unrecognized (must be of type %s): it is a %s", want.Kind, gvk))
	}
	return nil
}
