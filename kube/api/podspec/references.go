package podspec

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
)

// Object is an object of the pod's namespace that its spec names.
type Object struct {
	Resource string // configmaps, secrets, persistentvolumeclaims, serviceaccounts
	Name     string
}

// The resources that a container's environment is drawn from.
const (
	ConfigMaps = "configmaps"
	Secrets    = "secrets"
)

// Reference is one place of a spec that names an object.
type Reference struct {
	Object
	Container string      // that draws on it, empty: the pod
	Path      *field.Path // of the field that names it
	Optional  bool        // the pod can do without
	Pulls     bool        // its images are pulled with it
}

// References are the objects that a spec names, in the order of its fields.
func References(spec *corev1.PodSpec) []Reference {
	r := references{}
	path := field.NewPath("spec")
	for _, m := range Members(spec) {
		at := path.Child(m.Field).Index(m.Index)
		for i, from := range m.EnvFrom {
			at := at.Child("envFrom").Index(i)
			if ref := from.ConfigMapRef; ref != nil {
				r.add(ConfigMaps, ref.Name, m.Name, at.Child("configMapRef"), ref.Optional)
			}
			if ref := from.SecretRef; ref != nil {
				r.add(Secrets, ref.Name, m.Name, at.Child("secretRef"), ref.Optional)
			}
		}
		for i, variable := range m.Env {
			at := at.Child("env").Index(i).Child("valueFrom")
			if from := variable.ValueFrom; from != nil && from.ConfigMapKeyRef != nil {
				r.add(ConfigMaps, from.ConfigMapKeyRef.Name, m.Name, at.Child("configMapKeyRef"), from.ConfigMapKeyRef.Optional)
			} else if from != nil && from.SecretKeyRef != nil {
				r.add(Secrets, from.SecretKeyRef.Name, m.Name, at.Child("secretKeyRef"), from.SecretKeyRef.Optional)
			}
		}
	}
	for i := range spec.Volumes {
		r.addVolume(&spec.Volumes[i].VolumeSource, path.Child("volumes").Index(i))
	}
	for i, ref := range spec.ImagePullSecrets {
		at := path.Child("imagePullSecrets").Index(i).Child("name")
		r = append(r, Reference{Object: Object{Secrets, ref.Name}, Path: at, Optional: true, Pulls: true})
	}
	if spec.ServiceAccountName != "" {
		r = append(r, Reference{Object: Object{"serviceaccounts", spec.ServiceAccountName}, Path: path.Child("serviceAccountName")})
	}
	return r
}

type references []Reference

func (r *references) add(resource, name, container string, at *field.Path, optional *bool) {
	if name != "" {
		*r = append(*r, Reference{Object: Object{resource, name}, Container: container, Path: at.Child("name"), Optional: ptr.Deref(optional, false)})
	}
}

func (r *references) addVolume(v *corev1.VolumeSource, at *field.Path) {
	if v.ConfigMap != nil {
		r.add(ConfigMaps, v.ConfigMap.Name, "", at.Child("configMap"), v.ConfigMap.Optional)
	}
	if v.Secret != nil && v.Secret.SecretName != "" {
		*r = append(*r, Reference{
			Object: Object{Secrets, v.Secret.SecretName}, Path: at.Child("secret", "secretName"), Optional: ptr.Deref(v.Secret.Optional, false)})
	}
	if v.PersistentVolumeClaim != nil {
		*r = append(*r, Reference{
			Object: Object{"persistentvolumeclaims", v.PersistentVolumeClaim.ClaimName}, Path: at.Child("persistentVolumeClaim", "claimName")})
	}
	if v.Projected == nil {
		return
	}
	for i, source := range v.Projected.Sources {
		at := at.Child("projected", "sources").Index(i)
		if source.ConfigMap != nil {
			r.add(ConfigMaps, source.ConfigMap.Name, "", at.Child("configMap"), source.ConfigMap.Optional)
		}
		if source.Secret != nil {
			r.add(Secrets, source.Secret.Name, "", at.Child("secret"), source.Secret.Optional)
		}
	}
}
