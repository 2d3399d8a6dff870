package answer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"kubelab/kube/api"
)

// List is a list, or one page of it.
type List struct {
	Kind  *api.Kind
	Items []*Object
	Meta  metav1.ListMeta
}

// WriteList answers with a list in this view.
func (v View) WriteList(w http.ResponseWriter, list List) error {
	if v.plainJSON() {
		return list.writeJoined(w)
	}
	shown, err := v.showList(list)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	return v.Write(w, http.StatusOK, nil, shown)
}

// writeJoined writes a list as JSON from the bytes that its items share with all other answers.
func (l List) writeJoined(w http.ResponseWriter) error {
	head, err := json.Marshal(l.Meta)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	size := 1 << 10
	for _, item := range l.Items {
		size += len(item.JSON()) + 1
	}
	body := bytes.NewBuffer(make([]byte, 0, size)) // a buffer that grows copies megabytes again and again
	fmt.Fprintf(body, `{"kind":"%sList","apiVersion":"%s","metadata":%s,"items":[`, l.Kind.Kind, l.Kind.GroupVersion(), head)
	for i, item := range l.Items {
		if i > 0 {
			body.WriteByte(',')
		}
		body.Write(item.JSON())
	}
	body.WriteString("]}")
	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	_, _ = w.Write(body.Bytes()) // a client that is gone needs no answer
	return nil
}

// showList makes a list into what the view asks for.
func (v View) showList(l List) (runtime.Object, error) {
	switch v.as {
	case "Table":
		objects := make([]api.Object, len(l.Items))
		for i, item := range l.Items {
			objects[i] = item.Is
		}
		return v.table(l.Kind, objects, l.Meta), nil
	case "PartialObjectMetadata":
		list := &metav1.PartialObjectMetadataList{ListMeta: l.Meta}
		list.TypeMeta = metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"}
		for _, item := range l.Items {
			list.Items = append(list.Items, *partial(item.Is))
		}
		return list, nil
	}
	list := l.Kind.NewList()
	objects := make([]runtime.Object, len(l.Items))
	for i, item := range l.Items {
		objects[i] = item.Is
	}
	if err := meta.SetList(list, objects); err != nil {
		return nil, err
	}
	list.GetObjectKind().SetGroupVersionKind(l.Kind.GroupVersion().WithKind(l.Kind.Kind + "List"))
	accessor, err := meta.ListAccessor(list)
	if err != nil {
		return nil, err
	}
	accessor.SetResourceVersion(l.Meta.ResourceVersion)
	accessor.SetContinue(l.Meta.Continue)
	accessor.SetRemainingItemCount(l.Meta.RemainingItemCount)
	return list, nil
}
