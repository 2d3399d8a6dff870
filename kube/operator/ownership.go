package operator

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// AdoptPatch is the strategic merge patch that makes owner the controller of the object with the given
// UID. The server refuses it if the name meanwhile belongs to another object, or the object to another controller.
func AdoptPatch(owner object, kind schema.GroupVersionKind, uid types.UID) []byte {
	return ownerPatch(uid, metav1.NewControllerRef(owner, kind))
}

// ReleasePatch is the strategic merge patch that ends owner's hold on the object with the given UID.
func ReleasePatch(owner object, uid types.UID) []byte {
	return ownerPatch(uid, map[string]any{"$patch": "delete", "uid": owner.GetUID()})
}

func ownerPatch(uid types.UID, reference any) []byte {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": uid, "ownerReferences": []any{reference}},
	})
	if err != nil {
		panic(fmt.Sprintf("owner references are plain data: %v", err))
	}
	return patch
}
