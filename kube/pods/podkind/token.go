package podkind

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/utils/ptr"

	"kubelab/kube/api/podspec"
)

// Where a program finds its token, the certificate of the API server's authority and the name of its namespace: client-go's configuration
// in a cluster looks there.
const (
	tokenPath   = "/var/run/secrets/kubernetes.io/serviceaccount"
	tokenVolume = "kube-api-access-"
	rootCA      = "kube-root-ca.crt"
	tokenLife   = 60*60 + 7 // seconds; upstream knows by the odd number that nobody chose it
)

// mountsToken is whether a pod gets its account's token: as it says, or as its account says.
func mountsToken(pod *corev1.Pod, account *corev1.ServiceAccount) bool {
	return ptr.Deref(pod.Spec.AutomountServiceAccountToken, ptr.Deref(account.AutomountServiceAccountToken, true))
}

// mountToken gives each container the token that has nothing mounted there.
func mountToken(spec *corev1.PodSpec) {
	name, there := tokenVolume+rand.String(5), false
	for _, v := range spec.Volumes {
		if strings.HasPrefix(v.Name, tokenVolume) {
			name, there = v.Name, true
		}
	}
	needed := false
	for _, c := range podspec.Members(spec) {
		if c.Role == podspec.Ephemeral || slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == tokenPath }) {
			continue
		}
		needed = true
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, ReadOnly: true, MountPath: tokenPath})
	}
	if needed && !there {
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Projected: apiAccess()}})
	}
}

// apiAccess is what a program needs to talk to the API server.
func apiAccess() *corev1.ProjectedVolumeSource {
	return &corev1.ProjectedVolumeSource{DefaultMode: new(corev1.ProjectedVolumeSourceDefaultMode), Sources: []corev1.VolumeProjection{
		{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", ExpirationSeconds: new(int64(tokenLife))}},
		{ConfigMap: &corev1.ConfigMapProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: rootCA}, Items: []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}}}},
		{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{
			{Path: "namespace", FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.namespace"}}}}},
	}}
}
