package podspec

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// crew is a pod with a container in every role.
func crew(policy corev1.RestartPolicy) *corev1.PodSpec {
	return &corev1.PodSpec{
		RestartPolicy: policy,
		InitContainers: []corev1.Container{
			{Name: "migrate"}, {Name: "proxy", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}},
		Containers:          []corev1.Container{{Name: "web"}},
		EphemeralContainers: []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug"}}},
	}
}

func TestEachContainerOfAPodHasItsPlaceAndItsRuleOfRestarting(t *testing.T) {
	for policy, want := range map[corev1.RestartPolicy][]string{
		corev1.RestartPolicyAlways: {"init migrate: OnFailure", "sidecar proxy: Always", "main web: Always", "ephemeral debug: Never"},
		corev1.RestartPolicyNever:  {"init migrate: Never", "sidecar proxy: Always", "main web: Never", "ephemeral debug: Never"},
	} {
		var got []string
		for _, m := range Members(crew(policy)) {
			got = append(got, fmt.Sprintf("%s %s: %s", m.Role, m.Name, m.Restart))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in a pod with policy %s (-want +got):\n%s", policy, diff)
		}
	}
}

func TestAMembersStatusStandsInTheListOfItsRole(t *testing.T) {
	var status corev1.PodStatus
	for _, m := range Members(crew(corev1.RestartPolicyAlways)) {
		list := m.Role.Statuses(&status)
		*list = append(*list, corev1.ContainerStatus{Name: m.Name, RestartCount: int32(len(m.Name))})
	}
	if len(status.InitContainerStatuses) != 2 || len(status.ContainerStatuses) != 1 || len(status.EphemeralContainerStatuses) != 1 {
		t.Errorf("the status is %+v", status)
	}
	for _, m := range Members(crew(corev1.RestartPolicyAlways)) {
		if got := StatusOf(&status, m.Name); got.RestartCount != int32(len(m.Name)) {
			t.Errorf("the status of %s is %+v", m.Name, got)
		}
	}
}

func TestWhatASpecNamesAndWhere(t *testing.T) {
	local := func(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }
	spec := crew(corev1.RestartPolicyAlways)
	spec.ServiceAccountName = "robot"
	spec.ImagePullSecrets = []corev1.LocalObjectReference{local("registry")}
	spec.InitContainers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: local("settings")}}}
	spec.Containers[0].Env = []corev1.EnvVar{{Name: "PLAIN", Value: "1"}, {Name: "PASSWORD", ValueFrom: &corev1.EnvVarSource{
		SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: local("login"), Key: "password", Optional: new(true)}}}}
	spec.Volumes = []corev1.Volume{
		{VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "tls"}}},
		{VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}},
		{VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: local("pages")}}}}}},
		{VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
	}
	var got []string
	for _, ref := range References(spec) {
		got = append(got, fmt.Sprintf("%s %s of %q at %s, optional %t", ref.Resource, ref.Name, ref.Container, ref.Path, ref.Optional))
	}
	want := []string{
		`configmaps settings of "migrate" at spec.initContainers[0].envFrom[0].configMapRef.name, optional false`,
		`secrets login of "web" at spec.containers[0].env[1].valueFrom.secretKeyRef.name, optional true`,
		`secrets tls of "" at spec.volumes[0].secret.secretName, optional false`,
		`persistentvolumeclaims data of "" at spec.volumes[1].persistentVolumeClaim.claimName, optional false`,
		`configmaps pages of "" at spec.volumes[2].projected.sources[0].configMap.name, optional false`,
		`secrets registry of "" at spec.imagePullSecrets[0].name, optional true`,
		`serviceaccounts robot of "" at spec.serviceAccountName, optional false`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTwoContainersCannotHaveOneNameWhateverTheirRoles(t *testing.T) {
	spec := crew(corev1.RestartPolicyAlways)
	spec.InitContainers[0].Name = "web"
	want := `spec.containers[0].name: Duplicate value: "web"`
	for _, message := range messages(Validate(spec, field.NewPath("spec"))) {
		if message == want {
			return
		}
	}
	t.Errorf("nobody says %s", want)
}
