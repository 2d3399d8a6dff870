package apply

import (
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/request"
)

// Intent reads what an applier wants of the object with a name, and nothing but that: no defaults. Its errors are Statuses; unknown
// fields are told as the options say.
func (m *Managers) Intent(kind *api.Kind, name string, patch []byte, fieldValidation string, warn func(string)) (*unstructured.Unstructured, error) {
	wanted := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(patch, &wanted.Object); err != nil {
		return nil, apierrors.NewBadRequest("read YAML: " + err.Error())
	}
	if wanted.GroupVersionKind() != kind.GroupVersionKind {
		return nil, apierrors.NewBadRequest("apiVersion, kind: they must be those of the resource: " + kind.GroupVersion().String() + " " + kind.Kind)
	}
	if wanted.GetName() == "" { // whoever applies need not say it twice
		wanted.SetName(name)
	}
	if wanted.GetManagedFields() != nil {
		return nil, apierrors.NewBadRequest("metadata.managedFields must be nil")
	}
	if err := strictly(kind, patch, fieldValidation, warn); err != nil {
		return nil, err
	}
	return wanted, m.wellFormed(kind, wanted)
}

// strictly reports fields that the kind does not have, which a merge would refuse with less clear words.
func strictly(kind *api.Kind, patch []byte, fieldValidation string, warn func(string)) error {
	encoded, err := yaml.YAMLToJSON(patch)
	if err != nil {
		return apierrors.NewBadRequest("read YAML: " + err.Error())
	}
	return request.Decode(encoded, runtime.ContentTypeJSON, kind.New(), kind.GroupVersionKind, fieldValidation, warn)
}
