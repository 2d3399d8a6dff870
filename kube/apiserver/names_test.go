package apiserver_test

import (
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kubelab/kube/trace"
)

func TestANameOfAnyKindIsTextThatATerminalCanShow(t *testing.T) {
	person := startWithRoles(t).Admin()
	protobuf := rest.CopyConfig(person.Config)
	protobuf.ContentType = "application/vnd.kubernetes.protobuf"
	other, err := kubernetes.NewForConfig(protobuf)
	must(t, err)
	for _, name := range []string{"a\x1b]52;c;eA==\a", "a\nb", "a\u009b", strings.Repeat("a", 254), "a\xff"} {
		_, err := other.RbacV1().Roles("default").Create(t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "metadata.name") {
			t.Errorf("%.20q: %v", name, err)
		}
	}
	_, err = other.RbacV1().Roles("default").Create(t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "System:Äpfel"}}, metav1.CreateOptions{})
	must(t, err)
}

func TestTheRecordSaysWhoActedAsAnother(t *testing.T) {
	person := startWithRoles(t).Admin()
	config := rest.CopyConfig(person.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "bob", Groups: []string{"system:masters"}}
	bob, err := kubernetes.NewForConfig(config)
	must(t, err)
	_, err = bob.CoreV1().ConfigMaps("default").Create(t.Context(), configMap("a"), metav1.CreateOptions{})
	must(t, err)
	chain := trace.Chain(record(t, person), trace.Ref{Resource: "configmaps", Namespace: "default", Name: "a"})
	if len(chain) != 1 || chain[0].Component != "bob" || !strings.HasPrefix(chain[0].Detail, "sent by kubelab-admin with ") {
		t.Errorf("%+v", chain)
	}
}
