package spec

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// What CRI can ask for and this runtime does not do, by the path of the field, and why or what to do. A field that is not here is done, or has no meaning
// on a node such as this one: a test holds every field of CRI against that.

// RefusedOfSandbox are the fields of a sandbox.
var RefusedOfSandbox = map[string]string{
	"linux.security_context.namespace_options.target_id":           noSharing,
	"linux.security_context.namespace_options.userns_options.uids": noUsers,
	"linux.security_context.namespace_options.userns_options.gids": noUsers,
	"linux.security_context.selinux_options":                       noSELinux,
	"windows":                                                      noWindows,
}

// RefusedOfContainer are the fields of a container.
var RefusedOfContainer = map[string]string{
	"image.runtime_handler":                      "there is only the one runtime, without a name",
	"mounts.uidMappings":                         noUsers,
	"mounts.gidMappings":                         noUsers,
	"mounts.image":                               "a volume of type image is not supported here",
	"mounts.image_sub_path":                      "a volume of type image is not supported here",
	"mounts.mount_options":                       "mounts have no options here but readonly",
	"devices":                                    "devices of the host are not supported here, but for privileged containers",
	"CDI_devices":                                "devices of the host are not supported here, but for privileged containers",
	"linux.resources.cpuset_cpus":                "binding a container to CPUs is not supported here",
	"linux.resources.cpuset_mems":                "binding a container to memory nodes is not supported here",
	"linux.resources.hugepage_limits.limit":      "huge pages are not supported here",
	"linux.resources.memory_swap_limit_in_bytes": "a limit of swap is not supported here",
	"linux.security_context.capabilities.add_ambient_capabilities": "ambient capabilities are not supported here: give the program file capabilities",
	"linux.security_context.namespace_options.userns_options.uids": noUsers,
	"linux.security_context.namespace_options.userns_options.gids": noUsers,
	"linux.security_context.selinux_options":                       noSELinux,
	"linux.security_context.supplemental_groups_policy":            "only Merge is supported here: the groups of the image's user count too",
	"linux.security_context.apparmor.localhost_ref":                noAppArmor,
	"linux.security_context.apparmor_profile":                      noAppArmor,
	"linux.security_context.seccomp_profile_path":                  "deprecated: use security_context.seccomp",
	"windows": noWindows,
}

const (
	noSharing  = "a sandbox has no target whose processes it could share"
	noUsers    = "user namespaces (hostUsers: false) are not supported here"
	noSELinux  = "SELinux is not supported here"
	noAppArmor = "AppArmor is not supported here"
	noWindows  = "this is a Linux runtime"
)

// refuse names the first field of a message, below path, that is set and that this runtime does not do.
func refuse(message protoreflect.Message, path string, refused map[string]string) (err error) {
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		at := path + string(field.Name())
		if why, found := refused[at]; found {
			err = fmt.Errorf("%s: %s", at, why)
		} else if field.IsList() && field.Message() != nil {
			for i := 0; i < value.List().Len() && err == nil; i++ {
				err = refuse(value.List().Get(i).Message(), at+".", refused)
			}
		} else if field.Message() != nil && !field.IsMap() && !field.IsList() {
			err = refuse(value.Message(), at+".", refused)
		}
		return err == nil
	})
	return err
}
