package podspec

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAWrongVolumeIsRefusedInTheWordsOfKubernetes(t *testing.T) {
	for volumes, want := range map[string]string{
		`{name: v, emptyDir: {}}, {name: v, emptyDir: {}}`: `spec.volumes[1].name: Duplicate value: "v"`,
		`{emptyDir: {}}`: `spec.volumes[0].name: Required value`,
		`{name: v, emptyDir: {}, hostPath: {path: /a}}`:                                          `spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type`,
		`{name: v, nfs: {server: a, path: /}}`:                                                   `spec.volumes[0].nfs: Forbidden: kubelab does not have this yet`,
		`{name: v, persistentVolumeClaim: {claimName: a}}`:                                       `spec.volumes[0].persistentVolumeClaim: Forbidden: kubelab does not have this yet`,
		`{name: v, emptyDir: {medium: HugePages-2Mi}}`:                                           `spec.volumes[0].emptyDir.medium: Forbidden: kubelab does not have this yet`,
		`{name: v, emptyDir: {medium: Memory, sizeLimit: -1}}`:                                   `spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity`,
		`{name: v, hostPath: {path: ""}}`:                                                        `spec.volumes[0].hostPath.path: Required value`,
		`{name: v, hostPath: {path: /a/../b}}`:                                                   `spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain '..'`,
		`{name: v, hostPath: {path: /a, type: Pipe}}`:                                            `spec.volumes[0].hostPath.type: Unsupported value: "Pipe": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"`,
		`{name: v, configMap: {}}`:                                                               `spec.volumes[0].configMap.name: Required value`,
		`{name: v, secret: {defaultMode: 0o1000, secretName: s}}`:                                `spec.volumes[0].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive`,
		`{name: v, configMap: {name: c, items: [{key: a, path: /a}]}}`:                           `spec.volumes[0].configMap.items[0].path: Invalid value: "/a": must be a relative path`,
		`{name: v, configMap: {name: c, items: [{key: a, path: a/../b}]}}`:                       `spec.volumes[0].configMap.items[0].path: Invalid value: "a/../b": must not contain '..'`,
		`{name: v, configMap: {name: c, items: [{key: a, path: ..data}]}}`:                       `spec.volumes[0].configMap.items[0].path: Invalid value: "..data": must not start with '..'`,
		`{name: v, configMap: {name: c, items: [{key: a, path: b, mode: -1}]}}`:                  `spec.volumes[0].configMap.items[0].mode: Invalid value: -1: must be a number between 0 and 0777 (octal), both inclusive`,
		`{name: v, secret: {secretName: c, items: [{path: b}]}}`:                                 `spec.volumes[0].secret.items[0].key: Required value`,
		`{name: v, downwardAPI: {items: [{path: a}]}}`:                                           `spec.volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required`,
		`{name: v, downwardAPI: {items: [{path: a, fieldRef: {fieldPath: status.podIP}}]}}`:      `spec.volumes[0].downwardAPI.fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"`,
		`{name: v, downwardAPI: {items: [{path: a, resourceFieldRef: {resource: limits.cpu}}]}}`: `spec.volumes[0].downwardAPI.resourceFieldRef.containerName: Required value`,
		`{name: v, projected: {sources: [{configMap: {name: a, items: [{key: a, path: p}]}}, {secret: {name: a, items: [{key: a, path: p}]}}]}}`: `spec.volumes[0].projected: Invalid value: "p": conflicting duplicate paths`,
		`{name: v, projected: {sources: [{configMap: {name: a}, secret: {name: a}}]}}`:                                                           `spec.volumes[0].projected.sources[0].configMap: Forbidden: may not specify more than 1 volume type`,
	} {
		got := problems(t, `{containers: [{name: a, image: a}], volumes: [`+volumes+`]}`)
		if diff := cmp.Diff([]string{want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", volumes, diff)
		}
	}
}

func TestAWrongMountIsRefusedInTheWordsOfKubernetes(t *testing.T) {
	const at = `spec.containers[0].volumeMounts`
	for mounts, want := range map[string]string{
		`{name: none, mountPath: /a}`: at + `[0].name: Not found: "none"`,
		`{name: v}`:                   at + `[0].mountPath: Required value`,
		`{name: v, mountPath: /a}, {name: v, mountPath: /a}`:                                                      at + `[1].mountPath: Invalid value: "/a": must be unique`,
		`{name: v, mountPath: /a, subPath: ../b}`:                                                                 at + `.subPath: Invalid value: "../b": must not contain '..'`,
		`{name: v, mountPath: /a, subPath: /b}`:                                                                   at + `.subPath: Invalid value: "/b": must be a relative path`,
		`{name: v, mountPath: /a, subPathExpr: a/..}`:                                                             at + `.subPathExpr: Invalid value: "a/..": must not contain '..'`,
		`{name: v, mountPath: /a, subPath: a, subPathExpr: b}`:                                                    at + `[0].subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive`,
		`{name: v, mountPath: /a, mountPropagation: Bidirectional}`:                                               at + `.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers`,
		`{name: v, mountPath: /a, mountPropagation: Sideways}`:                                                    at + `.mountPropagation: Unsupported value: "Sideways": supported values: "Bidirectional", "HostToContainer", "None"`,
		`{name: v, mountPath: /a, recursiveReadOnly: Enabled}`:                                                    at + `.recursiveReadOnly: Forbidden: may only be specified when readOnly is true`,
		`{name: v, mountPath: /a, readOnly: true, recursiveReadOnly: Enabled, mountPropagation: HostToContainer}`: at + `.recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified`,
	} {
		got := problems(t, `{containers: [{name: a, image: a, volumeMounts: [`+mounts+`]}], volumes: [{name: v}]}`)
		if diff := cmp.Diff([]string{want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mounts, diff)
		}
	}
}

func TestWhatAVolumeDoesNotSayIsFilledIn(t *testing.T) {
	s := spec(t, `{containers: [{name: a, image: a}], volumes: [{name: a}, {name: b, hostPath: {path: /b}}, {name: c, secret: {secretName: c}},
		{name: d, downwardAPI: {items: [{path: d, fieldRef: {fieldPath: metadata.name}}]}}, {name: e, projected: {sources: [{serviceAccountToken: {path: t}}]}}]}`)
	v := s.Volumes
	got := fmt.Sprintf("%v %q %o %s %o %d", v[0].EmptyDir != nil, *v[1].HostPath.Type, *v[2].Secret.DefaultMode,
		v[3].DownwardAPI.Items[0].FieldRef.APIVersion, *v[4].Projected.DefaultMode, *v[4].Projected.Sources[0].ServiceAccountToken.ExpirationSeconds)
	if want := `true "" 644 v1 644 3600`; got != want {
		t.Errorf("filled in: %s, want %s", got, want)
	}
}
