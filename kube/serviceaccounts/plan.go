package serviceaccounts

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The names of what belongs to each namespace.
const (
	Default  = "default"          // the account of pods that name none
	RootCA   = "kube-root-ca.crt" // the ConfigMap with the certificate of the cluster's authority
	caBundle = "ca.crt"           // its key
)

// Observed is what a namespace has. What it lacks is nil.
type Observed struct {
	Account *corev1.ServiceAccount // the one named [Default]
	RootCA  *corev1.ConfigMap      // the one named [RootCA]
}

// Decision is what to write into a namespace. Nil objects are not written.
type Decision struct {
	CreateAccount *corev1.ServiceAccount
	CreateRootCA  *corev1.ConfigMap
	UpdateRootCA  *corev1.ConfigMap
}

// Plan compares what a namespace has with what belongs there. authority is the certificate in PEM that programs check
// the API server against.
func Plan(namespace *corev1.Namespace, have Observed, authority string) Decision {
	var d Decision
	if namespace.DeletionTimestamp != nil {
		return d
	}
	if have.Account == nil {
		d.CreateAccount = &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: Default}}
	}
	data := map[string]string{caBundle: authority}
	switch {
	case have.RootCA == nil:
		d.CreateRootCA = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: RootCA}, Data: data}
	case !maps.Equal(have.RootCA.Data, data) || len(have.RootCA.BinaryData) > 0:
		d.UpdateRootCA = have.RootCA.DeepCopy()
		d.UpdateRootCA.Data, d.UpdateRootCA.BinaryData = data, nil
	}
	return d
}
