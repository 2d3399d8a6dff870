package podspec

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
)

func validateContainers(spec *corev1.PodSpec, path *field.Path) field.ErrorList {
	if len(spec.Containers) == 0 {
		return field.ErrorList{field.Required(path.Child("containers"), "")}
	}
	var errs field.ErrorList
	names, hostPorts := sets.Set[string]{}, sets.Set[string]{}
	for _, c := range Members(spec) {
		at := path.Child(c.Field).Index(c.Index)
		errs = append(errs, validateContainer(c.Container, at)...)
		errs = append(errs, validateHealth(c, spec, at)...)
		errs = append(errs, validateMounts(c.Container, spec.Volumes, at.Child("volumeMounts"))...)
		taken := hostPorts
		if c.Role == Init {
			taken = sets.Set[string]{} // what it opens it has closed before the others start
		}
		errs = append(errs, validatePorts(c.Ports, spec.HostNetwork, taken, at.Child("ports"))...)
		errs = append(errs, validateRestart(c, at)...)
		if names.Has(c.Name) {
			errs = append(errs, field.Duplicate(at.Child("name"), c.Name))
		}
		names.Insert(c.Name)
		if c.Role == Ephemeral {
			errs = append(errs, validateEphemeral(c, spec, at)...)
		}
	}
	return errs
}

// notEphemeral is what is said of a field that an ephemeral container cannot have.
const notEphemeral = "cannot be set for an Ephemeral Container"

// validateEphemeral: what was not planned with the pod gets no share of what the pod was given, and nobody relies on it.
func validateEphemeral(c Member, spec *corev1.PodSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, of := range []struct {
		field string
		used  bool
	}{
		{"ports", len(c.Ports) > 0}, {"resources", len(c.Resources.Limits)+len(c.Resources.Requests)+len(c.Resources.Claims) > 0},
		{"resizePolicy", len(c.ResizePolicy) > 0}, {"restartPolicy", c.RestartPolicy != nil}, {"restartPolicyRules", len(c.RestartPolicyRules) > 0},
		{"livenessProbe", c.LivenessProbe != nil}, {"readinessProbe", c.ReadinessProbe != nil}, {"startupProbe", c.StartupProbe != nil}, {"lifecycle", c.Lifecycle != nil},
	} {
		if of.used {
			errs = append(errs, field.Forbidden(path.Child(of.field), notEphemeral))
		}
	}
	for i, mount := range c.VolumeMounts {
		at := path.Child("volumeMounts").Index(i)
		if mount.SubPath != "" {
			errs = append(errs, field.Forbidden(at.Child("subPath"), notEphemeral))
		}
		if mount.SubPathExpr != "" {
			errs = append(errs, field.Forbidden(at.Child("subPathExpr"), notEphemeral))
		}
	}
	if target := Find(spec, c.Target); c.Target != "" && (target == nil || target.Role == Ephemeral) {
		errs = append(errs, field.NotFound(path.Child("targetContainerName"), c.Target))
	}
	return errs
}

// The bounds of a container's own restart rules.
const (
	maxRestartRules = 20
	maxExitCodes    = 255
)

// validateRestart is about a container's own word on whether it is started again.
func validateRestart(c Member, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	own := path.Child("restartPolicy")
	if c.RestartPolicy != nil {
		errs = append(errs, oneOf(*c.RestartPolicy, own, corev1.ContainerRestartPolicyAlways, corev1.ContainerRestartPolicyOnFailure, corev1.ContainerRestartPolicyNever)...)
	} else if len(c.RestartPolicyRules) > 0 {
		errs = append(errs, field.Required(own, "must specify restartPolicy when restart rules are used"))
	}
	rules := path.Child("restartPolicyRules")
	if n := len(c.RestartPolicyRules); n > maxRestartRules {
		errs = append(errs, field.TooMany(rules, n, maxRestartRules))
	}
	for i, rule := range c.RestartPolicyRules {
		errs = append(errs, validateRestartRule(rule, rules.Index(i))...)
	}
	return errs
}

func validateRestartRule(rule corev1.ContainerRestartRule, path *field.Path) field.ErrorList {
	errs := oneOf(rule.Action, path.Child("action"), corev1.ContainerRestartRuleActionRestart, corev1.ContainerRestartRuleActionRestartAllContainers)
	if rule.Action == corev1.ContainerRestartRuleActionRestartAllContainers {
		errs = append(errs, field.Forbidden(path.Child("action"), api.NotYet))
	}
	on, at := rule.ExitCodes, path.Child("exitCodes")
	if on == nil {
		return append(errs, field.Required(at, "must be specified"))
	}
	operators := []corev1.ContainerRestartRuleOnExitCodesOperator{corev1.ContainerRestartRuleOnExitCodesOpIn, corev1.ContainerRestartRuleOnExitCodesOpNotIn}
	if !slices.Contains(operators, on.Operator) {
		errs = append(errs, field.NotSupported(at.Child("operator"), on.Operator, operators))
	}
	if n := len(on.Values); n > maxExitCodes {
		errs = append(errs, field.TooMany(at.Child("values"), n, maxExitCodes))
	}
	for i, code := range on.Values {
		if slices.Contains(on.Values[:i], code) {
			errs = append(errs, field.Duplicate(at.Child("values").Index(i), code))
		}
	}
	return errs
}

func validateContainer(c *corev1.Container, path *field.Path) field.ErrorList {
	errs := refuse(c, missingFromContainers, path)
	if c.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), ""))
	} else {
		errs = append(errs, invalidIf(validation.IsDNS1123Label(c.Name), c.Name, path.Child("name"))...)
	}
	if c.Image == "" {
		errs = append(errs, field.Required(path.Child("image"), ""))
	} else if c.Image != strings.TrimSpace(c.Image) {
		errs = append(errs, field.Invalid(path.Child("image"), c.Image, "must not have leading or trailing whitespace"))
	}
	errs = append(errs, oneOf(c.ImagePullPolicy, path.Child("imagePullPolicy"),
		corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever)...)
	errs = append(errs, oneOf(c.TerminationMessagePolicy, path.Child("terminationMessagePolicy"),
		corev1.TerminationMessageReadFile, corev1.TerminationMessageFallbackToLogsOnError)...)
	errs = append(errs, validateEnv(c.Env, path.Child("env"))...)
	errs = append(errs, validateEnvFrom(c.EnvFrom, path.Child("envFrom"))...)
	errs = append(errs, validateResources(&c.Resources, path.Child("resources"))...)
	if c.SecurityContext != nil {
		errs = append(errs, validateSecurity(c.SecurityContext, path.Child("securityContext"))...)
	}
	return errs
}

// validatePorts also notes the host ports of the pod in taken: two containers cannot have the same.
func validatePorts(ports []corev1.ContainerPort, hostNetwork bool, taken sets.Set[string], path *field.Path) field.ErrorList {
	var errs field.ErrorList
	names := sets.Set[string]{}
	for i, port := range ports {
		at := path.Index(i)
		if port.Name != "" {
			errs = append(errs, invalidIf(validation.IsValidPortName(port.Name), port.Name, at.Child("name"))...)
			if names.Has(port.Name) {
				errs = append(errs, field.Duplicate(at.Child("name"), port.Name))
			}
			names.Insert(port.Name)
		}
		if port.ContainerPort == 0 {
			errs = append(errs, field.Required(at.Child("containerPort"), ""))
		} else {
			errs = append(errs, invalidIf(validation.IsValidPortNum(int(port.ContainerPort)), port.ContainerPort, at.Child("containerPort"))...)
		}
		errs = append(errs, oneOf(port.Protocol, at.Child("protocol"), corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP)...)
		errs = append(errs, validateHostPort(port, hostNetwork, taken, at)...)
	}
	return errs
}

func validateHostPort(port corev1.ContainerPort, hostNetwork bool, taken sets.Set[string], path *field.Path) field.ErrorList {
	switch {
	case port.HostPort == 0:
		return nil
	case !hostNetwork:
		return field.ErrorList{field.Forbidden(path.Child("hostPort"), api.NotYet)}
	case port.HostPort != port.ContainerPort:
		return field.ErrorList{field.Invalid(path.Child("containerPort"), port.ContainerPort,
			"must match `hostPort` when `hostNetwork` is true")}
	}
	claim := fmt.Sprintf("%s/%s/%d", port.Protocol, port.HostIP, port.HostPort)
	if taken.Has(claim) {
		return field.ErrorList{field.Duplicate(path.Child("hostPort"), claim)}
	}
	taken.Insert(claim)
	return nil
}

func validateSecurity(s *corev1.SecurityContext, path *field.Path) field.ErrorList {
	errs := refuse(s, missingFromContainerSecurity, path)
	errs = append(errs, validateUser(s.RunAsUser, s.RunAsGroup, path)...)
	errs = append(errs, validateSeccomp(s.SeccompProfile, path.Child("seccompProfile"))...)
	if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
		return errs
	}
	if s.Privileged != nil && *s.Privileged {
		errs = append(errs, field.Invalid(path, s, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"))
	}
	if s.Capabilities != nil && slices.Contains(s.Capabilities.Add, "CAP_SYS_ADMIN") {
		errs = append(errs, field.Invalid(path, s, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"))
	}
	return errs
}

func validateUser(user, group *int64, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if user != nil {
		errs = append(errs, invalidIf(validation.IsValidUserID(*user), *user, path.Child("runAsUser"))...)
	}
	if group != nil {
		errs = append(errs, invalidIf(validation.IsValidGroupID(*group), *group, path.Child("runAsGroup"))...)
	}
	return errs
}

func validateSeccomp(profile *corev1.SeccompProfile, path *field.Path) field.ErrorList {
	if profile == nil {
		return nil
	}
	errs := oneOf(profile.Type, path.Child("type"), corev1.SeccompProfileTypeLocalhost,
		corev1.SeccompProfileTypeRuntimeDefault, corev1.SeccompProfileTypeUnconfined)
	local := profile.Type == corev1.SeccompProfileTypeLocalhost
	switch named := profile.LocalhostProfile != nil && *profile.LocalhostProfile != ""; {
	case local && !named:
		errs = append(errs, field.Required(path.Child("localhostProfile"), "must be set when seccomp type is Localhost"))
	case local:
		errs = append(errs, validateDescending(*profile.LocalhostProfile, path.Child("localhostProfile"))...)
	case profile.LocalhostProfile != nil:
		errs = append(errs, field.Invalid(path.Child("localhostProfile"), *profile.LocalhostProfile,
			"can only be set when seccomp type is Localhost"))
	}
	return errs
}

// validateDescending wants a path that leads down from a directory and never out of it.
func validateDescending(target string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if strings.HasPrefix(target, "/") {
		errs = append(errs, field.Invalid(path, target, "must be a relative path"))
	}
	if climbs(target) {
		errs = append(errs, field.Invalid(path, target, "must not contain '..'"))
	}
	return errs
}
