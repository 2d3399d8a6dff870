package podspec

import (
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func validateVolumes(volumes []corev1.Volume, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	names := sets.Set[string]{}
	for i := range volumes {
		v, at := &volumes[i], path.Index(i)
		switch {
		case v.Name == "":
			errs = append(errs, field.Required(at.Child("name"), ""))
		case names.Has(v.Name):
			errs = append(errs, field.Duplicate(at.Child("name"), v.Name))
		default:
			errs = append(errs, invalidIf(validation.IsDNS1123Label(v.Name), v.Name, at.Child("name"))...)
		}
		names.Insert(v.Name)
		errs = append(errs, refuse(&v.VolumeSource, missingFromVolumes, at)...)
		errs = append(errs, validateVolumeSource(&v.VolumeSource, at)...)
	}
	return errs
}

// validateVolumeSource looks at the sources that kubelab has. Defaulting has made a volume without one an emptyDir.
func validateVolumeSource(v *corev1.VolumeSource, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	sources := 0
	add := func(name string, validate func(*field.Path) field.ErrorList) {
		if sources++; sources > 1 {
			errs = append(errs, field.Forbidden(path.Child(name), "may not specify more than 1 volume type"))
			return
		}
		errs = append(errs, validate(path.Child(name))...)
	}
	if v.EmptyDir != nil {
		add("emptyDir", func(at *field.Path) field.ErrorList { return validateEmptyDir(v.EmptyDir, at) })
	}
	if v.HostPath != nil {
		add("hostPath", func(at *field.Path) field.ErrorList { return validateHostPath(v.HostPath, at) })
	}
	if s := v.Secret; s != nil {
		add("secret", func(at *field.Path) field.ErrorList {
			return append(refuse(s, missingFromSecretVolumes, at), validateObject("secretName", s.SecretName, s.DefaultMode, s.Items, at)...)
		})
	}
	if s := v.ConfigMap; s != nil {
		add("configMap", func(at *field.Path) field.ErrorList {
			return append(refuse(s, missingFromConfigMapVolumes, at), validateObject("name", s.Name, s.DefaultMode, s.Items, at)...)
		})
	}
	if s := v.DownwardAPI; s != nil {
		add("downwardAPI", func(at *field.Path) field.ErrorList {
			errs := append(refuse(s, missingFromDownwardVolumes, at), validateMode(s.DefaultMode, at.Child("defaultMode"))...)
			return append(errs, validateDownwardFiles(s.Items, at)...)
		})
	}
	if v.Projected != nil {
		add("projected", func(at *field.Path) field.ErrorList { return validateProjected(v.Projected, at) })
	}
	return errs
}

func validateEmptyDir(v *corev1.EmptyDirVolumeSource, path *field.Path) field.ErrorList {
	errs := refuse(v, missingFromEmptyDirs, path)
	if v.SizeLimit != nil && v.SizeLimit.Sign() < 0 {
		errs = append(errs, field.Forbidden(path.Child("sizeLimit"), "SizeLimit field must be a valid resource quantity"))
	}
	return errs
}

func validateHostPath(v *corev1.HostPathVolumeSource, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch {
	case v.Path == "":
		errs = append(errs, field.Required(path.Child("path"), ""))
	case climbs(v.Path):
		errs = append(errs, field.Invalid(path.Child("path"), v.Path, "must not contain '..'"))
	}
	if v.Type != nil && *v.Type != corev1.HostPathUnset {
		errs = append(errs, oneOf(*v.Type, path.Child("type"), corev1.HostPathUnset, corev1.HostPathDirectoryOrCreate, corev1.HostPathDirectory,
			corev1.HostPathFileOrCreate, corev1.HostPathFile, corev1.HostPathSocket, corev1.HostPathCharDev, corev1.HostPathBlockDev)...)
	}
	return errs
}

// validateObject is about a ConfigMap or a Secret, named by a field, and the files that are made of it.
func validateObject(named, name string, mode *int32, items []corev1.KeyToPath, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if name == "" {
		errs = append(errs, field.Required(path.Child(named), ""))
	}
	errs = append(errs, validateMode(mode, path.Child("defaultMode"))...)
	for i := range items {
		errs = append(errs, validateItem(&items[i], path.Child("items").Index(i))...)
	}
	return errs
}

func validateItem(item *corev1.KeyToPath, path *field.Path) field.ErrorList {
	errs := refuse(item, missingFromItems, path)
	if item.Key == "" {
		errs = append(errs, field.Required(path.Child("key"), ""))
	}
	errs = append(errs, validateFilePath(item.Path, path.Child("path"))...)
	return append(errs, validateMode(item.Mode, path.Child("mode"))...)
}

// validateFilePath wants a path below a volume that is none of those by which the volume is kept.
func validateFilePath(target string, path *field.Path) field.ErrorList {
	if target == "" {
		return field.ErrorList{field.Required(path, "")}
	}
	errs := validateDescending(target, path)
	if strings.HasPrefix(target, "..") && !strings.HasPrefix(target, "../") {
		errs = append(errs, field.Invalid(path, target, "must not start with '..'"))
	}
	return errs
}

func validateMode(mode *int32, path *field.Path) field.ErrorList {
	if mode != nil && (*mode < 0 || *mode > 0o777) {
		return field.ErrorList{field.Invalid(path, *mode, "must be a number between 0 and 0777 (octal), both inclusive")}
	}
	return nil
}

// The fields of its own pod that a volume can hold.
var volumeFields = []string{"metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"}

func validateDownwardFiles(files []corev1.DownwardAPIVolumeFile, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range files {
		errs = append(errs, validateDownwardFile(&files[i], path)...)
	}
	return errs
}

// validateDownwardFile is about one file of the downward API. As upstream, the path in an error is that of the list.
func validateDownwardFile(file *corev1.DownwardAPIVolumeFile, path *field.Path) field.ErrorList {
	errs := refuse(file, missingFromDownwardFiles, path)
	errs = append(errs, validateFilePath(file.Path, path.Child("path"))...)
	switch own, resource := file.FieldRef, file.ResourceFieldRef; {
	case own != nil && resource != nil:
		errs = append(errs, field.Invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"))
	case own != nil:
		errs = append(errs, validateFieldRef(own, volumeFields, path.Child("fieldRef"))...)
	case resource != nil:
		at := path.Child("resourceFieldRef")
		if resource.ContainerName == "" {
			errs = append(errs, field.Required(at.Child("containerName"), ""))
		}
		errs = append(errs, validateResourceFieldRef(resource, at)...)
	default:
		errs = append(errs, field.Required(path, "one of fieldRef and resourceFieldRef is required"))
	}
	return append(errs, validateMode(file.Mode, path.Child("mode"))...)
}

func validateProjected(v *corev1.ProjectedVolumeSource, path *field.Path) field.ErrorList {
	errs := refuse(v, missingFromProjectedVolumes, path)
	errs = append(errs, validateMode(v.DefaultMode, path.Child("defaultMode"))...)
	taken := sets.Set[string]{}
	for i := range v.Sources {
		at := path.Child("sources").Index(i)
		errs = append(errs, refuse(&v.Sources[i], missingFromProjections, at)...)
		errs = append(errs, validateProjection(&v.Sources[i], at)...)
		for _, file := range filesOf(&v.Sources[i]) {
			if taken.Has(file) {
				errs = append(errs, field.Invalid(path, file, "conflicting duplicate paths"))
			}
			taken.Insert(file)
		}
	}
	return errs
}

func validateProjection(s *corev1.VolumeProjection, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	sources := 0
	more := func(name string) *field.Path {
		at := path.Child(name)
		if sources++; sources > 1 {
			errs = append(errs, field.Forbidden(at, "may not specify more than 1 volume type"))
		}
		return at
	}
	if s.Secret != nil {
		errs = append(errs, validateObject("name", s.Secret.Name, nil, s.Secret.Items, more("secret"))...)
	}
	if s.ConfigMap != nil {
		errs = append(errs, validateObject("name", s.ConfigMap.Name, nil, s.ConfigMap.Items, more("configMap"))...)
	}
	if s.DownwardAPI != nil {
		errs = append(errs, validateDownwardFiles(s.DownwardAPI.Items, more("downwardAPI"))...)
	}
	if s.ServiceAccountToken != nil {
		errs = append(errs, validateTokenProjection(s.ServiceAccountToken, more("serviceAccountToken"))...)
	}
	return errs
}

// The bounds of a token's life, in seconds.
const (
	minTokenSeconds = 10 * 60
	maxTokenSeconds = math.MaxUint32 + 1
)

func validateTokenProjection(token *corev1.ServiceAccountTokenProjection, path *field.Path) field.ErrorList {
	errs := refuse(token, missingFromTokens, path)
	if seconds := token.ExpirationSeconds; seconds != nil && *seconds < minTokenSeconds {
		errs = append(errs, field.Invalid(path.Child("expirationSeconds"), *seconds, "may not specify a duration less than 10 minutes"))
	} else if seconds != nil && *seconds > maxTokenSeconds {
		errs = append(errs, field.Invalid(path.Child("expirationSeconds"), *seconds, "may not specify a duration larger than 2^32 seconds"))
	}
	return append(errs, validateFilePath(token.Path, path.Child("path"))...)
}

// filesOf are the paths that a projection names.
func filesOf(s *corev1.VolumeProjection) []string {
	var paths []string
	items := func(items []corev1.KeyToPath) {
		for _, item := range items {
			paths = append(paths, item.Path)
		}
	}
	if s.Secret != nil {
		items(s.Secret.Items)
	}
	if s.ConfigMap != nil {
		items(s.ConfigMap.Items)
	}
	if s.DownwardAPI != nil {
		for _, file := range s.DownwardAPI.Items {
			paths = append(paths, file.Path)
		}
	}
	if s.ServiceAccountToken != nil {
		paths = append(paths, s.ServiceAccountToken.Path)
	}
	return slices.DeleteFunc(paths, func(path string) bool { return path == "" })
}

// climbs is whether a path leads up anywhere.
func climbs(path string) bool { return slices.Contains(strings.Split(path, "/"), "..") }
