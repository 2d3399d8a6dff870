package podspec

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// noHealth is what is said of a probe or a hook of an init container that ends before the next one starts.
const noHealth = "may not be set for init containers without restartPolicy=Always"

// validateHealth is about a container's probes and hooks.
func validateHealth(c Member, spec *corev1.PodSpec, path *field.Path) field.ErrorList {
	errs := refuseUnbuilt(c, path)
	if c.Role == Init {
		return append(errs, refuseHealth(c, path)...)
	}
	if c.Lifecycle != nil {
		errs = append(errs, validateLifecycle(c.Lifecycle, spec.TerminationGracePeriodSeconds, path.Child("lifecycle"))...)
		errs = append(errs, validateStopSignal(c.Lifecycle.StopSignal, spec.OS, path.Child("lifecycle", "stopSignal"))...)
	}
	if probe, at := c.LivenessProbe, path.Child("livenessProbe"); probe != nil {
		errs = append(append(errs, validateProbe(probe, at)...), onlyOneSuccess(probe, at)...)
	}
	if probe, at := c.ReadinessProbe, path.Child("readinessProbe"); probe != nil {
		errs = append(errs, validateProbe(probe, at)...)
		if own := probe.TerminationGracePeriodSeconds; own != nil {
			errs = append(errs, field.Invalid(at.Child("terminationGracePeriodSeconds"), *own, "must not be set for readinessProbes"))
		}
	}
	if probe, at := c.StartupProbe, path.Child("startupProbe"); probe != nil {
		errs = append(append(errs, validateProbe(probe, at)...), onlyOneSuccess(probe, at)...)
	}
	return errs
}

// refuseUnbuilt names what probes and hooks cannot be asked for yet.
func refuseUnbuilt(c Member, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	request := func(get *corev1.HTTPGetAction, at *field.Path) {
		if get != nil {
			errs = append(errs, refuse(get, missingFromHTTPGet, at.Child("httpGet"))...)
		}
	}
	for _, is := range []struct {
		field string
		probe *corev1.Probe
	}{{"livenessProbe", c.LivenessProbe}, {"readinessProbe", c.ReadinessProbe}, {"startupProbe", c.StartupProbe}} {
		if is.probe == nil {
			continue
		}
		request(is.probe.HTTPGet, path.Child(is.field))
		if is.probe.GRPC != nil {
			errs = append(errs, refuse(is.probe.GRPC, missingFromGRPC, path.Child(is.field, "grpc"))...)
		}
	}
	if c.Lifecycle == nil {
		return errs
	}
	if hook := c.Lifecycle.PostStart; hook != nil {
		request(hook.HTTPGet, path.Child("lifecycle", "postStart"))
	}
	if hook := c.Lifecycle.PreStop; hook != nil {
		request(hook.HTTPGet, path.Child("lifecycle", "preStop"))
	}
	return errs
}

func refuseHealth(c Member, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, is := range []struct {
		field string
		set   bool
	}{
		{"lifecycle", c.Lifecycle != nil}, {"livenessProbe", c.LivenessProbe != nil},
		{"readinessProbe", c.ReadinessProbe != nil}, {"startupProbe", c.StartupProbe != nil},
	} {
		if is.set {
			errs = append(errs, field.Forbidden(path.Child(is.field), noHealth))
		}
	}
	return errs
}

// onlyOneSuccess: whether a container lives is known at once, or it is restarted for nothing.
func onlyOneSuccess(probe *corev1.Probe, path *field.Path) field.ErrorList {
	if probe.SuccessThreshold != 1 {
		return field.ErrorList{field.Invalid(path.Child("successThreshold"), probe.SuccessThreshold, "must be 1")}
	}
	return nil
}

func validateProbe(probe *corev1.Probe, path *field.Path) field.ErrorList {
	errs := oneHandler(path, handlersOf(probe.Exec, probe.HTTPGet, probe.TCPSocket, probe.GRPC, nil, nil))
	for _, number := range []struct {
		name  string
		value int32
	}{
		{"initialDelaySeconds", probe.InitialDelaySeconds}, {"timeoutSeconds", probe.TimeoutSeconds}, {"periodSeconds", probe.PeriodSeconds},
		{"successThreshold", probe.SuccessThreshold}, {"failureThreshold", probe.FailureThreshold},
	} {
		errs = append(errs, apivalidation.ValidateNonnegativeField(int64(number.value), path.Child(number.name))...)
	}
	if own := probe.TerminationGracePeriodSeconds; own != nil && *own <= 0 {
		errs = append(errs, field.Invalid(path.Child("terminationGracePeriodSeconds"), *own, "must be greater than 0"))
	}
	return errs
}

func validateLifecycle(lifecycle *corev1.Lifecycle, grace *int64, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if hook := lifecycle.PostStart; hook != nil {
		errs = append(errs, oneHandler(path.Child("postStart"), handlersOf(hook.Exec, hook.HTTPGet, hook.TCPSocket, nil, hook.Sleep, grace))...)
	}
	if hook := lifecycle.PreStop; hook != nil {
		errs = append(errs, oneHandler(path.Child("preStop"), handlersOf(hook.Exec, hook.HTTPGet, hook.TCPSocket, nil, hook.Sleep, grace))...)
	}
	return errs
}

// handler is one way of asking a container, and what is wrong with it.
type handler struct {
	field    string
	validate func(*field.Path) field.ErrorList
}

// handlersOf are those of a probe or a hook that are set.
func handlersOf(exec *corev1.ExecAction, get *corev1.HTTPGetAction, tcp *corev1.TCPSocketAction, grpc *corev1.GRPCAction,
	sleep *corev1.SleepAction, grace *int64) []handler {
	var set []handler
	if exec != nil {
		set = append(set, handler{"exec", func(path *field.Path) field.ErrorList { return validateExec(exec, path) }})
	}
	if get != nil {
		set = append(set, handler{"httpGet", func(path *field.Path) field.ErrorList { return validateHTTPGet(get, path) }})
	}
	if tcp != nil {
		set = append(set, handler{"tcpSocket", func(path *field.Path) field.ErrorList { return validatePort(tcp.Port, path.Child("port")) }})
	}
	if grpc != nil {
		set = append(set, handler{"grpc", func(path *field.Path) field.ErrorList {
			return validatePort(intstr.FromInt32(grpc.Port), path.Child("port"))
		}})
	}
	if sleep != nil {
		set = append(set, handler{"sleep", func(path *field.Path) field.ErrorList { return validateSleep(sleep, grace, path) }})
	}
	return set
}

// oneHandler wants exactly one, and that one right.
func oneHandler(path *field.Path, set []handler) field.ErrorList {
	if len(set) == 0 {
		return field.ErrorList{field.Required(path, "must specify a handler type")}
	}
	errs := set[0].validate(path.Child(set[0].field))
	for _, more := range set[1:] {
		errs = append(errs, field.Forbidden(path.Child(more.field), "may not specify more than 1 handler type"))
	}
	return errs
}

func validateExec(exec *corev1.ExecAction, path *field.Path) field.ErrorList {
	if len(exec.Command) == 0 {
		return field.ErrorList{field.Required(path.Child("command"), "")}
	}
	return nil
}

func validateHTTPGet(get *corev1.HTTPGetAction, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if get.Path == "" {
		errs = append(errs, field.Required(path.Child("path"), ""))
	}
	errs = append(errs, validatePort(get.Port, path.Child("port"))...)
	if get.Scheme != corev1.URISchemeHTTP && get.Scheme != corev1.URISchemeHTTPS {
		errs = append(errs, field.NotSupported(path.Child("scheme"), get.Scheme, []corev1.URIScheme{corev1.URISchemeHTTP, corev1.URISchemeHTTPS}))
	}
	for _, header := range get.HTTPHeaders {
		errs = append(errs, invalidIf(validation.IsHTTPHeaderName(header.Name), header.Name, path.Child("httpHeaders"))...)
	}
	return errs
}

// validatePort wants a number, or what may be the name of a container's port.
func validatePort(port intstr.IntOrString, path *field.Path) field.ErrorList {
	if port.Type == intstr.Int {
		return invalidIf(validation.IsValidPortNum(port.IntValue()), port.IntValue(), path)
	}
	return invalidIf(validation.IsValidPortName(port.StrVal), port.StrVal, path)
}

// validateSleep allows for a grace period that is wrong itself.
func validateSleep(sleep *corev1.SleepAction, grace *int64, path *field.Path) field.ErrorList {
	if grace == nil || sleep.Seconds >= 0 && sleep.Seconds <= *grace {
		return nil
	}
	return field.ErrorList{field.Invalid(path, sleep.Seconds,
		fmt.Sprintf("must be non-negative and less than terminationGracePeriodSeconds (%d)", *grace))}
}
