package apply

import (
	"encoding/json"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/request"
)

// What a JSON patch may do: a few operations that copy into each other ask for gigabytes.
const (
	maxOperations = 10_000  // as upstream
	maxCopied     = 3 << 20 // bytes that all operations of a patch copy together, as upstream
	// maxPairs is how many pairs of elements a strategic merge patch may make the library compare: it holds each element of a list in
	// the patch against each in the object, in about a microsecond.
	maxPairs = 4_000_000
)

func init() { jsonpatch.AccumulatedCopySizeLimit = maxCopied } // the library has only this one for all patches

// Patch is a change of parts of an object. The kinds of patch differ in how they say which.
type Patch struct {
	Type types.PatchType
	Body []byte
}

// Read reads the patch that a request is. Its errors are Statuses.
func Read(w http.ResponseWriter, r *http.Request) (Patch, error) {
	mediaType := request.ContentType(r)
	switch is := types.PatchType(mediaType); is {
	case types.JSONPatchType, types.MergePatchType, types.StrategicMergePatchType, types.ApplyYAMLPatchType:
		body, err := request.ReadBodyAs(w, r, mediaType)
		return Patch{is, body}, err
	}
	return Patch{}, request.UnsupportedMediaType(mediaType)
}

// Object is the current object with the patch applied. A patch that names a resourceVersion carries it into the object. Its errors are
// Statuses; unknown fields are told as the options say.
func (p Patch) Object(kind *api.Kind, current api.Object, fieldValidation string, warn func(string)) (api.Object, error) {
	object := kind.New()
	return object, p.Into(object, kind.GroupVersionKind, current, fieldValidation, warn)
}

// Into is [Patch.Object] for an object of any kind, which is decoded into an empty one.
func (p Patch) Into(empty runtime.Object, kind schema.GroupVersionKind, current any, fieldValidation string, warn func(string)) error {
	after, err := p.change(current, empty)
	if err == nil {
		err = request.CheckSize(after, runtime.ContentTypeJSON)
	}
	if err != nil {
		return err
	}
	if err := request.Decode(after, runtime.ContentTypeJSON, empty, kind, fieldValidation, warn); err != nil {
		wrong := field.Invalid(field.NewPath("patch"), string(p.Body), err.Error())
		return apierrors.NewInvalid(schema.GroupKind{}, "", field.ErrorList{wrong})
	}
	return nil
}

// change is the JSON of current with the patch applied. An empty object of its type says how its lists are merged. Its errors are Statuses.
func (p Patch) change(current, empty any) ([]byte, error) {
	before, err := json.Marshal(current)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	var after []byte
	switch p.Type {
	case types.JSONPatchType:
		return p.operate(before)
	case types.MergePatchType:
		after, err = jsonpatch.MergePatch(before, p.Body)
	default:
		if pairs := request.CountElements(before) * request.CountElements(p.Body); pairs > maxPairs {
			return nil, request.TooLarge("the lists of the object and of the patch have too many elements to be merged: send the object whole, with PUT")
		}
		after, err = strategicpatch.StrategicMergePatch(before, p.Body, empty)
	}
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("apply patch: %v", err))
	}
	return after, nil
}

// operate carries out a JSON patch.
func (p Patch) operate(before []byte) ([]byte, error) {
	operations, err := jsonpatch.DecodePatch(p.Body)
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("read JSON patch: %v", err))
	}
	if len(operations) > maxOperations {
		return nil, request.TooLarge("The allowed maximum operations in a JSON patch is %d, got %d", maxOperations, len(operations))
	}
	after, err := operations.Apply(before)
	if err != nil {
		invalid := apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "", schema.GroupResource{}, "", "", 0, false)
		invalid.ErrStatus.Message += ": " + err.Error() // upstream keeps to itself what the error is
		return nil, invalid
	}
	return after, nil
}
