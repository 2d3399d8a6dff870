package request

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func inProtobuf(t *testing.T, message interface{ Marshal() ([]byte, error) }) []byte {
	t.Helper()
	raw, err := message.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte("k8s\x00"), raw...)
}

func TestTextThatLooksLikeManyMessagesIsText(t *testing.T) {
	for _, line := range []string{"0", "08", "\n", "0,1,2,3,4\n", "0 0 0 ", "2 "} {
		document := inProtobuf(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "digits"}, Data: map[string]string{"numbers": strings.Repeat(line, 1<<20/len(line)-100)}})
		if err := CheckSize(document, runtime.ContentTypeProtobuf); err != nil {
			t.Errorf("a megabyte of %q in a ConfigMap: %v", line, err)
		}
	}
}

func TestManyMessagesOfNothingAreTooMany(t *testing.T) {
	document := inProtobuf(t, &corev1.Pod{Spec: corev1.PodSpec{Containers: make([]corev1.Container, 1), Tolerations: make([]corev1.Toleration, 150_000)}})
	if len(document) > maxBody {
		t.Fatalf("it has %d bytes", len(document))
	}
	if err := CheckSize(document, runtime.ContentTypeProtobuf); err == nil {
		t.Error("150,000 messages in a document are not too many")
	}
}
