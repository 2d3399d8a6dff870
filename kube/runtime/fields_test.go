//go:build linux

package runtime

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/emptypb"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/images"
	"kubelab/kube/runtime/spec"
)

// What becomes of every field of CRI's two large requests, but for those that are refused. A path stands for all below it, too.
var (
	doneForSandbox = []string{
		"metadata", "hostname", "log_directory", "dns_config", "labels", "annotations", "linux.cgroup_parent", "linux.sysctls",
		"linux.security_context.namespace_options.network", "linux.security_context.namespace_options.pid",
		"linux.security_context.namespace_options.ipc", "linux.security_context.privileged",
		"port_mappings.host_port", // refused, but for the host's network
	}
	nothingForSandbox = map[string]string{
		"port_mappings.protocol":                                       "of a host port",
		"port_mappings.container_port":                                 "of a host port",
		"port_mappings.host_ip":                                        "of a host port",
		"linux.security_context.namespace_options.userns_options.mode": "the mappings count",
		"linux.security_context.run_as_user":                           "no process is the sandbox's",
		"linux.security_context.run_as_group":                          "no process is the sandbox's",
		"linux.security_context.readonly_rootfs":                       "no process is the sandbox's",
		"linux.security_context.supplemental_groups":                   "no process is the sandbox's",
		"linux.security_context.supplemental_groups_policy":            "no process is the sandbox's",
		"linux.security_context.seccomp":                               "no process is the sandbox's",
		"linux.security_context.apparmor":                              "no process is the sandbox's",
		"linux.security_context.seccomp_profile_path":                  "no process is the sandbox's",
		"linux.overhead":                                               "news for a runtime of virtual machines: the kubelet limits the pod's cgroup",
		"linux.resources":                                              "news for a runtime of virtual machines: the kubelet limits the pod's cgroup",
	}
	doneForContainer = []string{
		"metadata", "image.image", "command", "args", "working_dir", "envs", "mounts.container_path", "mounts.host_path", "mounts.readonly", "mounts.recursive_read_only",
		"mounts.propagation", "labels", "annotations", "log_path", "stdin", "stdin_once", "tty", "stop_signal",
		"linux.resources.cpu_period", "linux.resources.cpu_quota", "linux.resources.cpu_shares",
		"linux.resources.memory_limit_in_bytes", "linux.resources.oom_score_adj",
		"linux.security_context.capabilities.add_capabilities", "linux.security_context.capabilities.drop_capabilities",
		"linux.security_context.privileged", "linux.security_context.namespace_options.pid", "linux.security_context.namespace_options.ipc",
		"linux.security_context.namespace_options.target_id",
		"linux.security_context.run_as_user", "linux.security_context.run_as_group", "linux.security_context.run_as_username",
		"linux.security_context.readonly_rootfs", "linux.security_context.supplemental_groups", "linux.security_context.no_new_privs",
		"linux.resources.unified", "linux.security_context.masked_paths", "linux.security_context.readonly_paths", "linux.security_context.seccomp",
	}
	nothingForContainer = map[string]string{
		"image.annotations":                                            "told back, as it came",
		"image.user_specified_image":                                   "told back, as it came",
		"image.image_ref":                                              "told back, as it came",
		"mounts.selinux_relabel":                                       "there are no labels without SELinux",
		"linux.resources.hugepage_limits.page_size":                    "a limit of 0 is what there is",
		"linux.security_context.namespace_options.network":             "the sandbox has the network",
		"linux.security_context.namespace_options.userns_options.mode": "the mappings count",
		"linux.security_context.apparmor.profile_type":                 "no profile is what there is; a file of one is refused",
	}
	// notServed are the calls that gRPC itself answers with Unimplemented and their name.
	notServed = []string{
		"UpdateContainerResources", "ContainerStats", "ListContainerStats", "PodSandboxStats", "ListPodSandboxStats", "CheckpointContainer",
		"CheckpointPod", "RestorePod", "ListMetricDescriptors", "ListPodSandboxMetrics", "RuntimeConfig", "UpdatePodSandboxResources",
	}
)

// What becomes of the fields of the smaller requests.
var (
	doneForCalls = []string{
		"StopPodSandbox.pod_sandbox_id", "RemovePodSandbox.pod_sandbox_id", "PodSandboxStatus", "ListPodSandbox", "StartContainer", "StopContainer",
		"RemoveContainer", "ListContainers", "ContainerStatus", "ReopenContainerLog", "ExecSync", "Exec", "Attach", "PortForward.pod_sandbox_id",
		"UpdateRuntimeConfig", "Status", "ListImages.filter.image.image", "ImageStatus.image.image", "ImageStatus.verbose", "RemoveImage.image.image",
		"PullImage.image.image", "PullImage.image.runtime_handler", "PullImage.auth", "PullImage.sandbox_config.metadata",
	}
	nothingForCalls = map[string]string{
		"Version.version":             "a kubelet's own; there is but one version",
		"PortForward.port":            "each connection says which",
		"PullImage.image.annotations": aName, "PullImage.image.user_specified_image": aName, "PullImage.image.image_ref": aName,
		"ListImages.filter.image.annotations": aName, "ListImages.filter.image.user_specified_image": aName,
		"ListImages.filter.image.image_ref": aName, "ListImages.filter.image.runtime_handler": aName,
		"ImageStatus.image.annotations": aName, "ImageStatus.image.user_specified_image": aName, "ImageStatus.image.image_ref": aName,
		"ImageStatus.image.runtime_handler": aName,
		"RemoveImage.image.annotations":     aName, "RemoveImage.image.user_specified_image": aName, "RemoveImage.image.image_ref": aName,
		"RemoveImage.image.runtime_handler": aName,
	}
	aName = "image.image says which image"
)

func TestOfEveryFieldOfASmallRequestItIsDecidedWhatBecomesOfIt(t *testing.T) {
	decided := slices.Concat(doneForCalls, slices.Collect(maps.Keys(nothingForCalls)))
	used := map[string]bool{}
	for services, i := (&cri.VersionRequest{}).ProtoReflect().Descriptor().ParentFile().Services(), 0; i < services.Len(); i++ {
		for methods, j := services.Get(i).Methods(), 0; j < methods.Len(); j++ {
			method := methods.Get(j)
			name := string(method.Name())
			if slices.Contains(notServed, name) || strings.HasPrefix(name, "Stream") || name == "RunPodSandbox" || name == "CreateContainer" {
				continue
			}
			for _, field := range leaves(method.Input(), name+".") {
				found := below(field, decided)
				if len(found) != 1 && !strings.HasPrefix(field, "PullImage.sandbox_config.") { // which pod it is for
					t.Errorf("%s: it is decided by %v, want one: is it done, refused, or without a meaning?", field, found)
				}
				for _, path := range found {
					used[path] = true
				}
			}
		}
	}
	for _, path := range decided {
		if !used[path] {
			t.Errorf("%s: there is no such field", path)
		}
	}
}

// leaves lists the paths of a message's fields, below a path.
func leaves(message protoreflect.MessageDescriptor, path string) (all []string) {
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		at := path + string(field.Name())
		if field.Message() == nil || field.IsMap() || strings.HasSuffix(string(field.Message().Name()), "Value") {
			all = append(all, at)
			continue
		}
		all = append(all, leaves(field.Message(), at+".")...)
	}
	return all
}

// below finds the paths of a list that are a field's, or above it.
func below(field string, paths []string) (found []string) {
	for _, path := range paths {
		if field == path || strings.HasPrefix(field, path+".") {
			found = append(found, path)
		}
	}
	return found
}

// set gives a field a value that is not its default.
func set(message protoreflect.Message, path []string) {
	field := message.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
	switch {
	case field.IsMap():
		message.Mutable(field).Map().Set(protoreflect.ValueOf("key").MapKey(), protoreflect.ValueOf("value"))
	case field.IsList() && field.Message() != nil:
		if element := message.Mutable(field).List().AppendMutable().Message(); len(path) > 1 {
			set(element, path[1:])
		}
	case field.IsList():
		message.Mutable(field).List().Append(some(field))
	case field.Message() != nil:
		if inner := message.Mutable(field).Message(); len(path) > 1 {
			set(inner, path[1:])
		}
	default:
		message.Set(field, some(field))
	}
}

func some(field protoreflect.FieldDescriptor) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOf("some")
	case protoreflect.EnumKind:
		return protoreflect.ValueOf(protoreflect.EnumNumber(1))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOf(uint64(1))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOf(uint32(1))
	case protoreflect.BoolKind:
		return protoreflect.ValueOf(true)
	}
	return protoreflect.ValueOf(int64(1))
}

func TestEveryFieldOfCRIIsDoneOrRefusedByName(t *testing.T) {
	sandbox := func(m proto.Message) error {
		return spec.CheckSandbox(m.(*cri.PodSandboxConfig), "")
	}
	container := func(m proto.Message) error {
		_, err := spec.PlanContainer("id", m.(*cri.ContainerConfig), nil, images.Image{Config: v1.Config{Cmd: []string{"sh"}}}, nil, spec.PodMounts{})
		return err
	}
	for _, kind := range []struct {
		whole   proto.Message
		done    []string
		nothing map[string]string
		refused map[string]string
		check   func(proto.Message) error
	}{
		{&cri.PodSandboxConfig{Metadata: &cri.PodSandboxMetadata{Name: "web", Namespace: "shop", Uid: "1"}}, doneForSandbox, nothingForSandbox, spec.RefusedOfSandbox, sandbox},
		{&cri.ContainerConfig{}, doneForContainer, nothingForContainer, spec.RefusedOfContainer, container},
	} {
		name := kind.whole.ProtoReflect().Descriptor().Name()
		decided := slices.Concat(kind.done, slices.Collect(maps.Keys(kind.nothing)), slices.Collect(maps.Keys(kind.refused)))
		used := map[string]bool{}
		for _, field := range leaves(kind.whole.ProtoReflect().Descriptor(), "") {
			found := below(field, decided)
			if len(found) != 1 {
				t.Errorf("%s.%s: it is decided by %v, want one: is it done, refused, or without a meaning?", name, field, found)
			}
			for _, path := range found {
				used[path] = true
			}
		}
		for _, path := range decided {
			if !used[path] {
				t.Errorf("%s.%s: there is no such field", name, path)
			}
		}
		if err := kind.check(kind.whole); err != nil {
			t.Errorf("%s without anything special: %v", name, err)
		}
		for path := range kind.refused {
			message := proto.Clone(kind.whole)
			set(message.ProtoReflect(), strings.Split(path, "."))
			if err := kind.check(message); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
				t.Errorf("%s.%s is set: %v, want it refused by name", name, path, err)
			}
		}
	}
}

func TestEveryCallOfCRIIsServedOrKnownNotToBe(t *testing.T) {
	n := newNode(t)
	var calls []string
	for _, service := range []grpc.ServiceDesc{cri.RuntimeService_ServiceDesc, cri.ImageService_ServiceDesc} {
		for _, method := range service.Methods {
			var nothing emptypb.Empty // it is decoded as the request, with no field set
			err := n.conn.Invoke(t.Context(), "/"+service.ServiceName+"/"+method.MethodName, &nothing, &emptypb.Empty{})
			if status.Code(err) == codes.Unimplemented {
				calls = append(calls, method.MethodName)
			}
		}
	}
	slices.Sort(calls)
	slices.Sort(notServed)
	if diff := cmp.Diff(notServed, calls); diff != "" {
		t.Errorf("calls that are not served (-known +found):\n%s", diff)
	}
}
