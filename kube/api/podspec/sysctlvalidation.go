package podspec

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/sysctls"
)

// validateSysctls is about the kernel's parameters that a pod sets for itself. Whether a node allows one is the node's to say.
func validateSysctls(spec *corev1.PodSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, parameter := range spec.SecurityContext.Sysctls {
		name, at := parameter.Name, path.Index(i).Child("name")
		of := sysctls.NamespaceOf(name)
		switch {
		case name == "":
			errs = append(errs, field.Required(at, ""))
		case !sysctls.Valid(name):
			errs = append(errs, field.Invalid(at, name, fmt.Sprintf("must have at most %d characters and match regex %s", sysctls.MaxName, sysctls.Pattern)))
		case seen[sysctls.Dotted(name)]:
			errs = append(errs, field.Duplicate(at, name))
		}
		if of == sysctls.Network && spec.HostNetwork {
			errs = append(errs, field.Invalid(at, name, "may not be specified when 'hostNetwork' is true"))
		}
		if of == sysctls.IPC && spec.HostIPC {
			errs = append(errs, field.Invalid(at, name, "may not be specified when 'hostIPC' is true"))
		}
		seen[sysctls.Dotted(name)] = true
	}
	return errs
}
