package podspec

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// A warning is about what is allowed and yet hardly meant. kubectl prints it. The wording is that of Kubernetes.

// Warnings are those of a pod.
func Warnings(pod *corev1.Pod) []string {
	template := corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}
	return append(nameWarning(pod.Name, "the Pod's hostname"), TemplateWarnings(&template, nil)...)
}

// OwnerWarnings are those of an object with the given name that makes pods from the template at spec.template.
func OwnerWarnings(name string, template *corev1.PodTemplateSpec) []string {
	return append(nameWarning(name, "Pod names and hostnames"), TemplateWarnings(template, field.NewPath("spec", "template"))...)
}

func nameWarning(name, used string) []string {
	problems := validation.IsDNS1123Label(name)
	if len(problems) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("metadata.name: this is used in %s, which can result in surprising behavior; a DNS label is recommended: %v", used, problems)}
}

// TemplateWarnings are those of a pod or a pod template. path is where it stands; nil: it is the whole object.
func TemplateWarnings(template *corev1.PodTemplateSpec, path *field.Path) []string {
	spec := path.Child("spec")
	found := annotationWarnings(template.Annotations, path.Child("metadata", "annotations"))
	found = append(found, placementWarnings(&template.Spec, spec)...)
	ports := portWarnings{first: map[corev1.ContainerPort]*field.Path{}, byName: map[string]*field.Path{}}
	for _, container := range Members(&template.Spec) {
		at := spec.Child(container.Field).Index(container.Index)
		found = append(found, resourceWarnings(container.Resources.Limits, at.Child("resources", "limits"))...)
		found = append(found, resourceWarnings(container.Resources.Requests, at.Child("resources", "requests"))...)
		found = append(found, envWarnings(container.Env, at.Child("env"))...)
		for j, port := range container.Ports {
			ports.add(port, at.Child("ports").Index(j))
		}
	}
	return append(found, ports.found...)
}

// pastAnnotations are those that do nothing any more, or soon, and what took their place.
var pastAnnotations = []struct{ prefix, since, use string }{
	{corev1.SeccompPodAnnotationKey, "non-functional in v1.27+", "seccompProfile"},
	{corev1.SeccompContainerAnnotationKeyPrefix, "non-functional in v1.27+", "seccompProfile"},
	{corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix, "deprecated since v1.30", "appArmorProfile"},
	{"scheduler.alpha.kubernetes.io/critical-pod", "non-functional in v1.16+", "priorityClassName"},
	{"security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+", "sysctls"},
	{"security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+", "sysctls"},
}

func annotationWarnings(annotations map[string]string, path *field.Path) (found []string) {
	for _, past := range pastAnnotations {
		for name := range annotations {
			if name == past.prefix || strings.HasSuffix(past.prefix, "/") && strings.HasPrefix(name, past.prefix) {
				found = append(found, fmt.Sprintf("%s: %s; use the %q field instead", path.Key(name), past.since, past.use))
			}
		}
	}
	return found
}

// pastLabels are labels of nodes that have newer names.
var pastLabels = map[string]string{
	"beta.kubernetes.io/arch":           `deprecated since v1.14; use "kubernetes.io/arch" instead`,
	"beta.kubernetes.io/os":             `deprecated since v1.14; use "kubernetes.io/os" instead`,
	corev1.LabelFailureDomainBetaRegion: `deprecated since v1.17; use "topology.kubernetes.io/region" instead`,
	corev1.LabelFailureDomainBetaZone:   `deprecated since v1.17; use "topology.kubernetes.io/zone" instead`,
	corev1.LabelInstanceType:            `deprecated since v1.17; use "node.kubernetes.io/instance-type" instead`,
}

func placementWarnings(spec *corev1.PodSpec, path *field.Path) (found []string) {
	for label, why := range pastLabels {
		if _, used := spec.NodeSelector[label]; used {
			found = append(found, fmt.Sprintf("%s: %s", path.Child("nodeSelector").Key(label), why))
		}
	}
	for i, spread := range spec.TopologySpreadConstraints {
		at := path.Child("topologySpreadConstraints").Index(i)
		if why := pastLabels[spread.TopologyKey]; why != "" {
			found = append(found, fmt.Sprintf("%s: %s is %s", at.Child("topologyKey"), spread.TopologyKey, why))
		}
		found = append(found, selectorWarning(spread.LabelSelector, at)...)
	}
	for i, ref := range spec.ImagePullSecrets {
		if ref.Name == "" {
			found = append(found, fmt.Sprintf("%s: invalid empty name %q", path.Child("imagePullSecrets").Index(i).Child("name"), ref.Name))
		}
	}
	if spec.Affinity == nil {
		return found
	}
	path = path.Child("affinity")
	found = append(found, nodeAffinityWarnings(spec.Affinity.NodeAffinity, path.Child("nodeAffinity"))...)
	if pods := spec.Affinity.PodAffinity; pods != nil {
		at := path.Child("podAffinity")
		found = append(found, podAffinityWarnings(pods.RequiredDuringSchedulingIgnoredDuringExecution, pods.PreferredDuringSchedulingIgnoredDuringExecution, at)...)
	}
	if pods := spec.Affinity.PodAntiAffinity; pods != nil {
		at := path.Child("podAntiAffinity")
		found = append(found, podAffinityWarnings(pods.RequiredDuringSchedulingIgnoredDuringExecution, pods.PreferredDuringSchedulingIgnoredDuringExecution, at)...)
	}
	return found
}

func nodeAffinityWarnings(nodes *corev1.NodeAffinity, path *field.Path) (found []string) {
	if nodes == nil {
		return nil
	}
	term := func(term corev1.NodeSelectorTerm, at *field.Path) {
		for i, expression := range term.MatchExpressions {
			if why := pastLabels[expression.Key]; why != "" {
				found = append(found, fmt.Sprintf("%s: %s is %s", at.Child("matchExpressions").Index(i).Child("key"), expression.Key, why))
			}
		}
	}
	if nodes.RequiredDuringSchedulingIgnoredDuringExecution != nil {
		for i, t := range nodes.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
			term(t, path.Child(required, "nodeSelectorTerms").Index(i))
		}
	}
	for i, t := range nodes.PreferredDuringSchedulingIgnoredDuringExecution {
		term(t.Preference, path.Child(preferred).Index(i).Child("preference"))
	}
	return found
}

func podAffinityWarnings(must []corev1.PodAffinityTerm, should []corev1.WeightedPodAffinityTerm, path *field.Path) (found []string) {
	for i, term := range must {
		found = append(found, selectorWarning(term.LabelSelector, path.Child(required).Index(i))...)
	}
	for i, term := range should {
		found = append(found, selectorWarning(term.PodAffinityTerm.LabelSelector, path.Child(preferred).Index(i).Child("podAffinityTerm"))...)
	}
	return found
}

func selectorWarning(selector *metav1.LabelSelector, path *field.Path) []string {
	if selector != nil {
		return nil
	}
	return []string{path.Child("labelSelector").String() + ": a null labelSelector results in matching no pod"}
}

// resourceWarnings are about parts of a byte: who writes 100m of memory means 100Mi.
func resourceWarnings(list corev1.ResourceList, path *field.Path) (found []string) {
	for _, name := range []corev1.ResourceName{corev1.ResourceMemory, corev1.ResourceEphemeralStorage} {
		if quantity, given := list[name]; given && fractional(quantity) {
			found = append(found, fmt.Sprintf("%s: fractional byte value %q is invalid, must be an integer", path.Key(string(name)), quantity.String()))
		}
	}
	return found
}

func fractional(quantity resource.Quantity) bool {
	whole := quantity.DeepCopy()
	whole.RoundUp(0)
	return whole.Cmp(quantity) != 0
}

// envWarnings are about variables that are set twice, unless the second is made from the first.
func envWarnings(env []corev1.EnvVar, path *field.Path) (found []string) {
	seen := map[string]bool{}
	for i, variable := range env {
		if seen[variable.Name] && !strings.Contains(variable.Value, "$("+variable.Name+")") {
			found = append(found, fmt.Sprintf("%s: hides previous definition of %q, which may be dropped when using apply", path.Index(i), variable.Name))
		}
		seen[variable.Name] = true
	}
	return found
}

// portWarnings gathers what is odd about the ports of all containers of a pod: they share one address. Each port is told of once, with the
// first that is in its way: a pod may have thousands of the same.
type portWarnings struct {
	first  map[corev1.ContainerPort]*field.Path // where a port first stands: a whole one, and one of which only a part counts
	byName map[string]*field.Path
	found  []string
}

func (w *portWarnings) add(port corev1.ContainerPort, at *field.Path) {
	if port.HostIP != "" && port.HostPort == 0 {
		w.found = append(w.found, fmt.Sprintf("%s: hostIP set without hostPort: %+v", at, port))
	}
	w.addNumber(port, at)
	if port.Name == "" {
		return
	}
	if first := w.byName[port.Name]; first != nil {
		w.found = append(w.found, fmt.Sprintf("%s: duplicate port name %q with %s, services and probes that select ports by name will use %s", at.Child("name"), port.Name, first, first))
		return
	}
	w.byName[port.Name] = at.Child("name")
}

// What stands for any port of a host, and for any address of one, where only a part of a port counts.
const (
	anyHostPort = -1
	anyHostIP   = "*"
)

// addNumber looks for an earlier port of the same number and protocol that is the same, or of which it is not clear which one a host's port
// leads to.
func (w *portWarnings) addNumber(port corev1.ContainerPort, at *field.Path) {
	like := func(hostPort int32, hostIP string) corev1.ContainerPort {
		return corev1.ContainerPort{ContainerPort: port.ContainerPort, Protocol: port.Protocol, HostPort: hostPort, HostIP: hostIP}
	}
	whole, within := like(port.HostPort, port.HostIP), like(port.HostPort, anyHostIP)
	overlapping, ambiguous := like(0, anyHostIP), like(port.HostPort, "")
	if port.HostPort == 0 {
		overlapping = like(anyHostPort, anyHostIP)
	}
	if port.HostIP == "" {
		ambiguous = within
	}
	for _, earlier := range []struct {
		port     corev1.ContainerPort
		relation string
	}{{whole, "duplicate"}, {overlapping, "overlapping"}, {ambiguous, "dangerously ambiguous"}} {
		if first := w.first[earlier.port]; first != nil {
			w.found = append(w.found, fmt.Sprintf("%s: %s port definition with %s", at, earlier.relation, first))
			break
		}
	}
	for _, seen := range []corev1.ContainerPort{whole, within, like(anyHostPort, anyHostIP)} {
		if w.first[seen] == nil {
			w.first[seen] = at
		}
	}
}
