package volumes

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	podresource "k8s.io/component-helpers/resource"
	"k8s.io/utils/ptr"

	"kubelab/kube/api/podspec"
)

// Volume is what one volume of a pod is to be. One of Empty, Host and Files is set.
type Volume struct {
	Name  string
	Empty *Empty
	Host  *Host
	Files *Files
	// Group owns it, besides root, and all that is made in it. Nil: nobody does.
	Group *int64
	// Shared has what is mounted below it show on both sides, in the node and in those containers that want it.
	Shared bool
}

// Empty is a directory that holds nothing at first.
type Empty struct {
	Medium corev1.StorageMedium
	Limit  int64 // in bytes, of what is kept in memory
}

// Host is a file or directory of the node's.
type Host struct {
	Path string
	Type corev1.HostPathType
}

// Files are a directory that the kubelet fills, and keeps as the objects are that it was filled from.
type Files struct {
	Memory bool // it never comes to lie on a disk
	Files  []File
}

// File is one of them.
type File struct {
	Path    string // below the volume
	Content string
	Mode    int32
	Owner   *int64 // nil: root
	Token   *Token // what the content is to be, if it is not Content
}

// Token is proof of who the pod is, for an audience (empty: the API server).
type Token struct {
	Audience string
	Seconds  int64
}

// Sources are what volumes are filled from.
type Sources struct {
	// Objects are the ConfigMaps and Secrets of the pod's namespace, nothing where there is no such object.
	Objects map[podspec.Object]map[string]string
	Node    podspec.Capacity
}

// Decision is what a plan comes to: the volumes that can be made, and why the others cannot.
type Decision struct {
	Volumes  []Volume
	Problems []Problem
}

// Problem is why a volume cannot be made.
type Problem struct{ Volume, Message string }

func (p Problem) Error() string {
	return fmt.Sprintf("MountVolume.SetUp failed for volume %q : %s", p.Volume, p.Message)
}

// Plan says what the volumes of a pod are to be now.
func Plan(pod *corev1.Pod, from Sources) Decision {
	var d Decision
	for i := range pod.Spec.Volumes {
		source := &pod.Spec.Volumes[i]
		p := planner{pod: pod, from: from}
		v, err := p.volume(source)
		if err != nil {
			d.Problems = append(d.Problems, Problem{source.Name, err.Error()})
			continue
		}
		v.Name, v.Shared = source.Name, shared(&pod.Spec, source.Name)
		d.Volumes = append(d.Volumes, v)
	}
	return d
}

type planner struct {
	pod  *corev1.Pod
	from Sources
}

func (p planner) volume(source *corev1.Volume) (v Volume, err error) {
	if source.HostPath != nil {
		v.Host = &Host{source.HostPath.Path, ptr.Deref(source.HostPath.Type, corev1.HostPathUnset)}
		return v, nil
	}
	if security := p.pod.Spec.SecurityContext; security != nil {
		v.Group = security.FSGroup
	}
	switch {
	case source.EmptyDir != nil:
		v.Empty, err = p.empty(source.EmptyDir)
	case source.ConfigMap != nil:
		s := source.ConfigMap
		v.Files, err = p.files(false, s.DefaultMode, corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{
			LocalObjectReference: s.LocalObjectReference, Items: s.Items, Optional: s.Optional}})
	case source.Secret != nil:
		s := source.Secret
		v.Files, err = p.files(true, s.DefaultMode, corev1.VolumeProjection{Secret: &corev1.SecretProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: s.SecretName}, Items: s.Items, Optional: s.Optional}})
	case source.DownwardAPI != nil:
		s := source.DownwardAPI
		v.Files, err = p.files(true, s.DefaultMode, corev1.VolumeProjection{DownwardAPI: &corev1.DownwardAPIProjection{Items: s.Items}})
	case source.Projected != nil:
		v.Files, err = p.files(true, source.Projected.DefaultMode, source.Projected.Sources...)
	default:
		err = errors.New("no volume plugin matched")
	}
	return v, err
}

// empty: what is kept in memory may become as large as its limit, as the pod may in all, and as the node is.
func (p planner) empty(source *corev1.EmptyDirVolumeSource) (*Empty, error) {
	switch source.Medium {
	case corev1.StorageMediumDefault:
		return &Empty{}, nil
	case corev1.StorageMediumMemory:
	default:
		return nil, fmt.Errorf("unknown storage medium %q", source.Medium)
	}
	limit := p.from.Node.Memory
	if p.limited() {
		limits := podresource.PodLimits(p.pod, podresource.PodResourcesOptions{})
		limit = lower(limit, limits.Memory().Value())
	}
	if source.SizeLimit != nil {
		limit = lower(limit, source.SizeLimit.Value())
	}
	return &Empty{Medium: source.Medium, Limit: limit}, nil
}

// limited is whether each of the pod's containers has a limit of memory.
func (p planner) limited() bool {
	return !slices.ContainsFunc(podspec.Members(&p.pod.Spec), func(c podspec.Member) bool { return c.Resources.Limits.Memory().IsZero() })
}

// lower is the lower of two limits, of which 0 is none.
func lower(a, b int64) int64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// files puts together what is projected into one volume. Of two files of one path the later counts.
func (p planner) files(memory bool, mode *int32, sources ...corev1.VolumeProjection) (*Files, error) {
	f := filling{planner: p, mode: ptr.Deref(mode, corev1.ConfigMapVolumeSourceDefaultMode), files: map[string]File{}}
	var problems []error
	for _, source := range sources {
		if err := f.add(source); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return nil, together(problems)
	}
	all := &Files{Memory: memory}
	for _, path := range slices.Sorted(maps.Keys(f.files)) {
		all.Files = append(all.Files, f.files[path])
	}
	return all, nil
}

// together says several things at once as upstream does: [one, two].
func together(problems []error) error {
	if len(problems) == 1 {
		return problems[0]
	}
	var words []string
	for _, problem := range problems {
		words = append(words, problem.Error())
	}
	return errors.New("[" + strings.Join(words, ", ") + "]")
}

// filling is a volume that is being filled.
type filling struct {
	planner
	mode  int32
	files map[string]File
}

func (f filling) add(source corev1.VolumeProjection) error {
	switch {
	case source.ConfigMap != nil:
		s := source.ConfigMap
		return f.addObject(podspec.Object{Resource: podspec.ConfigMaps, Name: s.Name}, s.Items, s.Optional)
	case source.Secret != nil:
		s := source.Secret
		return f.addObject(podspec.Object{Resource: podspec.Secrets, Name: s.Name}, s.Items, s.Optional)
	case source.DownwardAPI != nil:
		for i := range source.DownwardAPI.Items {
			if err := f.addField(&source.DownwardAPI.Items[i]); err != nil {
				return err
			}
		}
	case source.ServiceAccountToken != nil:
		f.addToken(source.ServiceAccountToken)
	}
	return nil
}

// What an object is called where it, or a key of it, is missing.
var (
	objectWords = map[string]string{podspec.ConfigMaps: "configmap", podspec.Secrets: "secret"}
	keyWords    = map[string]string{podspec.ConfigMaps: "configmap references non-existent config key", podspec.Secrets: "references non-existent secret key"}
)

// addObject makes a file of each key of an object, or of those that items name.
func (f filling) addObject(of podspec.Object, items []corev1.KeyToPath, optional *bool) error {
	values, found := f.from.Objects[of]
	if !found && !ptr.Deref(optional, false) {
		return fmt.Errorf("%s %q not found", objectWords[of.Resource], of.Name)
	}
	if items == nil {
		for key, value := range values {
			f.files[key] = File{Path: key, Content: value, Mode: f.mode}
		}
		return nil
	}
	for _, item := range items {
		value, found := values[item.Key]
		if !found && ptr.Deref(optional, false) {
			continue
		}
		if !found {
			return fmt.Errorf("%s: %s", keyWords[of.Resource], item.Key)
		}
		f.files[item.Path] = File{Path: item.Path, Content: value, Mode: ptr.Deref(item.Mode, f.mode)}
	}
	return nil
}

// addField makes a file of a field of the pod.
func (f filling) addField(item *corev1.DownwardAPIVolumeFile) (err error) {
	file := File{Path: item.Path, Mode: ptr.Deref(item.Mode, f.mode)}
	switch ref := item.FieldRef; {
	case ref == nil:
		file.Content, err = podspec.ResourceField(f.pod, &corev1.Container{}, item.ResourceFieldRef, f.from.Node)
	case ref.FieldPath == "metadata.labels":
		file.Content = lines(f.pod.Labels)
	case ref.FieldPath == "metadata.annotations":
		file.Content = lines(f.pod.Annotations)
	default:
		file.Content, _ = podspec.MetadataField(f.pod, ref.FieldPath) // validation allows no other
	}
	f.files[item.Path] = file
	return err
}

// lines are labels or annotations, one a line, with quoted values.
func lines(of map[string]string) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(of)) {
		all = append(all, fmt.Sprintf("%s=%q", key, of[key]))
	}
	return strings.Join(all, "\n")
}

// ownerOnly is the mode of a token, where it is known who is to read it.
const ownerOnly = 0o600

// addToken: a token is for its user alone, where all containers have the same one, and for the pod's group, if it has one.
func (f filling) addToken(source *corev1.ServiceAccountTokenProjection) {
	file := File{Path: source.Path, Mode: f.mode, Owner: soleUser(&f.pod.Spec),
		Token: &Token{source.Audience, ptr.Deref(source.ExpirationSeconds, 0)}}
	if security := f.pod.Spec.SecurityContext; file.Owner != nil || security != nil && security.FSGroup != nil {
		file.Mode = ownerOnly
	}
	f.files[source.Path] = file
}

// soleUser is the user that all containers of a pod are said to run as, or nil.
func soleUser(spec *corev1.PodSpec) *int64 {
	var sole *int64
	for _, c := range podspec.Members(spec) {
		var user *int64
		if spec.SecurityContext != nil {
			user = spec.SecurityContext.RunAsUser
		}
		if own := c.SecurityContext; own != nil && own.RunAsUser != nil {
			user = own.RunAsUser
		}
		if user == nil || sole != nil && *sole != *user {
			return nil
		}
		sole = user
	}
	return sole
}
