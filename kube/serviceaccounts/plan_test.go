package serviceaccounts

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const authority = "-----BEGIN CERTIFICATE-----"

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func account() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "default"}}
}

func rootCA(data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "kube-root-ca.crt"}, Data: data}
}

func check(t *testing.T, got, want Decision) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decision (-want +got):\n%s", diff)
	}
}

func TestANewNamespaceGetsAnAccountAndTheCertificateOfTheAuthority(t *testing.T) {
	check(t, Plan(namespace("shop"), Observed{}, authority),
		Decision{CreateAccount: account(), CreateRootCA: rootCA(map[string]string{"ca.crt": authority})})
}

func TestANamespaceThatHasBothIsLeftAlone(t *testing.T) {
	check(t, Plan(namespace("shop"), Observed{account(), rootCA(map[string]string{"ca.crt": authority})}, authority), Decision{})
}

func TestAChangedCertificateIsPutBackAndTheRestOfTheObjectIsKept(t *testing.T) {
	changed := rootCA(map[string]string{"ca.crt": "mine", "more": "x"})
	changed.BinaryData = map[string][]byte{"b": {1}}
	changed.Labels = map[string]string{"kept": "yes"}
	before := changed.DeepCopy()
	want := rootCA(map[string]string{"ca.crt": authority})
	want.Labels = map[string]string{"kept": "yes"}
	check(t, Plan(namespace("shop"), Observed{account(), changed}, authority), Decision{UpdateRootCA: want})
	if diff := cmp.Diff(before, changed); diff != "" {
		t.Errorf("the plan changed what it was given (-before +after):\n%s", diff)
	}
}

func TestANamespaceOnItsWayOutGetsNothing(t *testing.T) {
	leaving := namespace("shop")
	leaving.DeletionTimestamp = new(metav1.Now())
	check(t, Plan(leaving, Observed{}, authority), Decision{})
}
