package podspec

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
)

// missing is a field that Kubernetes has and kubelab does not, and how to see that it is used.
type missing[T any] struct {
	field string
	used  func(*T) bool
}

// What a pod cannot ask for yet. It is refused rather than ignored: a pod that runs without the volume that
// it asked for would be worse than one that does not run. Whoever builds one of these strikes its line.
var (
	missingFromPods = []missing[corev1.PodSpec]{
		{"hostUsers", func(s *corev1.PodSpec) bool { return s.HostUsers != nil && !*s.HostUsers }},
		{"runtimeClassName", func(s *corev1.PodSpec) bool { return s.RuntimeClassName != nil }},
		{"overhead", func(s *corev1.PodSpec) bool { return len(s.Overhead) > 0 }},
		{"schedulingGroup", func(s *corev1.PodSpec) bool { return s.SchedulingGroup != nil }},
		{"resourceClaims", func(s *corev1.PodSpec) bool { return len(s.ResourceClaims) > 0 }},
		{"resources", func(s *corev1.PodSpec) bool { return s.Resources != nil }},
		{"evictionResponders", func(s *corev1.PodSpec) bool { return len(s.EvictionResponders) > 0 }},
		{"os", func(s *corev1.PodSpec) bool { return s.OS != nil && s.OS.Name != corev1.Linux }},
	}
	missingFromPodSecurity = []missing[corev1.PodSecurityContext]{
		{"seLinuxOptions", func(s *corev1.PodSecurityContext) bool { return s.SELinuxOptions != nil }},
		{"seLinuxChangePolicy", func(s *corev1.PodSecurityContext) bool { return s.SELinuxChangePolicy != nil }},
		{"windowsOptions", func(s *corev1.PodSecurityContext) bool { return s.WindowsOptions != nil }},
		{"appArmorProfile", func(s *corev1.PodSecurityContext) bool { return s.AppArmorProfile != nil }},
		{"supplementalGroupsPolicy", func(s *corev1.PodSecurityContext) bool { return s.SupplementalGroupsPolicy != nil }},
	}
	missingFromContainers = []missing[corev1.Container]{
		{"volumeDevices", func(c *corev1.Container) bool { return len(c.VolumeDevices) > 0 }},
		{"resizePolicy", func(c *corev1.Container) bool { return len(c.ResizePolicy) > 0 }},
	}
	missingFromHTTPGet = []missing[corev1.HTTPGetAction]{
		{"protocol", func(a *corev1.HTTPGetAction) bool {
			return a.Protocol != nil && *a.Protocol != corev1.HTTPProtocolHTTP1
		}},
	}
	missingFromGRPC = []missing[corev1.GRPCAction]{
		{"mode", func(a *corev1.GRPCAction) bool { return a.Mode != nil && *a.Mode != corev1.GRPCProbeModePlaintext }},
	}
	missingFromContainerSecurity = []missing[corev1.SecurityContext]{
		{"seLinuxOptions", func(s *corev1.SecurityContext) bool { return s.SELinuxOptions != nil }},
		{"windowsOptions", func(s *corev1.SecurityContext) bool { return s.WindowsOptions != nil }},
		{"appArmorProfile", func(s *corev1.SecurityContext) bool { return s.AppArmorProfile != nil }},
		{"procMount", func(s *corev1.SecurityContext) bool {
			return s.ProcMount != nil && *s.ProcMount != corev1.DefaultProcMount
		}},
	}
)

// What a volume cannot be yet, and what the ones that there are cannot do.
var (
	missingFromVolumes = []missing[corev1.VolumeSource]{
		{"gcePersistentDisk", func(v *corev1.VolumeSource) bool { return v.GCEPersistentDisk != nil }},
		{"awsElasticBlockStore", func(v *corev1.VolumeSource) bool { return v.AWSElasticBlockStore != nil }},
		{"gitRepo", func(v *corev1.VolumeSource) bool { return v.GitRepo != nil }},
		{"nfs", func(v *corev1.VolumeSource) bool { return v.NFS != nil }},
		{"iscsi", func(v *corev1.VolumeSource) bool { return v.ISCSI != nil }},
		{"glusterfs", func(v *corev1.VolumeSource) bool { return v.Glusterfs != nil }},
		{"persistentVolumeClaim", func(v *corev1.VolumeSource) bool { return v.PersistentVolumeClaim != nil }},
		{"rbd", func(v *corev1.VolumeSource) bool { return v.RBD != nil }},
		{"flexVolume", func(v *corev1.VolumeSource) bool { return v.FlexVolume != nil }},
		{"cinder", func(v *corev1.VolumeSource) bool { return v.Cinder != nil }},
		{"cephfs", func(v *corev1.VolumeSource) bool { return v.CephFS != nil }},
		{"flocker", func(v *corev1.VolumeSource) bool { return v.Flocker != nil }},
		{"fc", func(v *corev1.VolumeSource) bool { return v.FC != nil }},
		{"azureFile", func(v *corev1.VolumeSource) bool { return v.AzureFile != nil }},
		{"vsphereVolume", func(v *corev1.VolumeSource) bool { return v.VsphereVolume != nil }},
		{"quobyte", func(v *corev1.VolumeSource) bool { return v.Quobyte != nil }},
		{"azureDisk", func(v *corev1.VolumeSource) bool { return v.AzureDisk != nil }},
		{"photonPersistentDisk", func(v *corev1.VolumeSource) bool { return v.PhotonPersistentDisk != nil }},
		{"portworxVolume", func(v *corev1.VolumeSource) bool { return v.PortworxVolume != nil }},
		{"scaleIO", func(v *corev1.VolumeSource) bool { return v.ScaleIO != nil }},
		{"storageos", func(v *corev1.VolumeSource) bool { return v.StorageOS != nil }},
		{"csi", func(v *corev1.VolumeSource) bool { return v.CSI != nil }},
		{"ephemeral", func(v *corev1.VolumeSource) bool { return v.Ephemeral != nil }},
		{"image", func(v *corev1.VolumeSource) bool { return v.Image != nil }},
	}
	missingFromMounts = []missing[corev1.VolumeMount]{
		{"bindMountOptions", func(m *corev1.VolumeMount) bool { return len(m.BindMountOptions) > 0 }},
	}
	missingFromEmptyDirs = []missing[corev1.EmptyDirVolumeSource]{
		{"medium", func(v *corev1.EmptyDirVolumeSource) bool {
			return strings.HasPrefix(string(v.Medium), string(corev1.StorageMediumHugePages))
		}},
		{"mode", func(v *corev1.EmptyDirVolumeSource) bool { return v.Mode != nil }},
	}
	missingFromConfigMapVolumes = []missing[corev1.ConfigMapVolumeSource]{
		{"defaultUser", func(v *corev1.ConfigMapVolumeSource) bool { return v.DefaultUser != nil }},
	}
	missingFromSecretVolumes = []missing[corev1.SecretVolumeSource]{
		{"defaultUser", func(v *corev1.SecretVolumeSource) bool { return v.DefaultUser != nil }},
	}
	missingFromDownwardVolumes = []missing[corev1.DownwardAPIVolumeSource]{
		{"defaultUser", func(v *corev1.DownwardAPIVolumeSource) bool { return v.DefaultUser != nil }},
	}
	missingFromProjectedVolumes = []missing[corev1.ProjectedVolumeSource]{
		{"defaultUser", func(v *corev1.ProjectedVolumeSource) bool { return v.DefaultUser != nil }},
	}
	missingFromItems = []missing[corev1.KeyToPath]{
		{"user", func(i *corev1.KeyToPath) bool { return i.User != nil }},
	}
	missingFromDownwardFiles = []missing[corev1.DownwardAPIVolumeFile]{
		{"user", func(f *corev1.DownwardAPIVolumeFile) bool { return f.User != nil }},
	}
	missingFromProjections = []missing[corev1.VolumeProjection]{
		{"clusterTrustBundle", func(p *corev1.VolumeProjection) bool { return p.ClusterTrustBundle != nil }},
		{"podCertificate", func(p *corev1.VolumeProjection) bool { return p.PodCertificate != nil }},
	}
	missingFromTokens = []missing[corev1.ServiceAccountTokenProjection]{
		{"user", func(t *corev1.ServiceAccountTokenProjection) bool { return t.User != nil }},
	}
)

// refuse names every missing field that object uses.
func refuse[T any](object *T, list []missing[T], path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, m := range list {
		if m.used(object) {
			errs = append(errs, field.Forbidden(path.Child(m.field), api.NotYet))
		}
	}
	return errs
}
