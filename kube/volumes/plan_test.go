package volumes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"kubelab/kube/api/podspec"
)

// podOf is a pod with this spec in YAML, as the API server hands it to a kubelet.
func podOf(t *testing.T, spec string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{}
	pod.Name, pod.Namespace, pod.UID = "web-1", "shop", "u1"
	pod.Labels, pod.Annotations = map[string]string{"tier": "front", "app": "web"}, map[string]string{"note": "two\nlines"}
	if err := yaml.UnmarshalStrict([]byte(spec), &pod.Spec); err != nil {
		t.Fatal(err)
	}
	podspec.Default(&pod.Spec)
	if errs := podspec.Validate(&pod.Spec, nil); len(errs) > 0 {
		for _, err := range errs {
			if !strings.Contains(err.Error(), "serviceAccountToken") {
				t.Fatal(errs)
			}
		}
	}
	return pod
}

const container = `containers: [{name: a, image: a}]`

// shop is what the pod's namespace and node have.
var shop = Sources{
	Objects: map[podspec.Object]map[string]string{
		{Resource: podspec.ConfigMaps, Name: "settings"}: {"colour": "blue", "size": "3"},
		{Resource: podspec.Secrets, Name: "login"}:       {"password": "x"},
	},
	Node: podspec.Capacity{CPU: 2000, Memory: 1 << 30},
}

// planned is what one volume comes to, a file a line: path, mode, content; or why it cannot be made.
func planned(t *testing.T, spec string) string {
	t.Helper()
	d := Plan(podOf(t, spec), shop)
	var lines []string
	for _, v := range d.Volumes {
		if v.Files == nil {
			lines = append(lines, fmt.Sprintf("%+v %+v", v.Empty, v.Host))
			continue
		}
		if v.Files.Memory {
			lines = append(lines, "in memory")
		}
		for _, f := range v.Files.Files {
			line := fmt.Sprintf("%s %o %s", f.Path, f.Mode, f.Content)
			if f.Token != nil {
				line += fmt.Sprintf("%+v", *f.Token)
			}
			if f.Owner != nil {
				line += fmt.Sprintf(" of %d", *f.Owner)
			}
			lines = append(lines, line)
		}
	}
	for _, p := range d.Problems {
		lines = append(lines, p.Error())
	}
	return strings.Join(lines, "\n")
}

func TestWhatAVolumeHolds(t *testing.T) {
	for name, c := range map[string]struct{ volume, want string }{
		"every key is a file":        {`configMap: {name: settings}`, "colour 644 blue\nsize 644 3"},
		"items choose":               {`configMap: {name: settings, defaultMode: 0400, items: [{key: size, path: a/b}, {key: colour, path: c, mode: 0755}]}`, "a/b 400 3\nc 755 blue"},
		"no items are no files":      {`configMap: {name: settings, items: [{key: none, path: a}], optional: true}`, ""},
		"a secret lies in memory":    {`secret: {secretName: login}`, "in memory\npassword 644 x"},
		"without the object":         {`configMap: {name: none}`, `MountVolume.SetUp failed for volume "v" : configmap "none" not found`},
		"without the secret":         {`secret: {secretName: none}`, `MountVolume.SetUp failed for volume "v" : secret "none" not found`},
		"without the key":            {`configMap: {name: settings, items: [{key: none, path: a}]}`, `MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: none`},
		"without the secret's key":   {`secret: {secretName: login, items: [{key: none, path: a}]}`, `MountVolume.SetUp failed for volume "v" : references non-existent secret key: none`},
		"it can do without":          {`secret: {secretName: none, optional: true}`, "in memory"},
		"the pod's own fields":       {`downwardAPI: {items: [{path: l, fieldRef: {fieldPath: metadata.labels}}, {path: a, fieldRef: {fieldPath: metadata.annotations}}, {path: one, mode: 0400, fieldRef: {fieldPath: "metadata.labels['app']"}}, {path: cpu, resourceFieldRef: {containerName: a, resource: limits.cpu}}]}`, "in memory\na 644 note=\"two\\nlines\"\ncpu 644 2\nl 644 app=\"web\"\ntier=\"front\"\none 400 web"},
		"the later of two files":     {`projected: {sources: [{configMap: {name: settings}}, {secret: {name: login, items: [{key: password, path: size}]}}]}`, "in memory\ncolour 644 blue\nsize 644 x"},
		"several are missing":        {`projected: {sources: [{configMap: {name: none}}, {secret: {name: none}}]}`, `MountVolume.SetUp failed for volume "v" : [configmap "none" not found, secret "none" not found]`},
		"a token":                    {`projected: {sources: [{serviceAccountToken: {path: token, audience: vault}}]}`, "in memory\ntoken 644 {Audience:vault Seconds:3600}"},
		"a directory on the disk":    {`emptyDir: {}`, "&{Medium: Limit:0} <nil>"},
		"none is said":               {``, "&{Medium: Limit:0} <nil>"},
		"memory, up to the node's":   {`emptyDir: {medium: Memory}`, "&{Medium:Memory Limit:1073741824} <nil>"},
		"memory, up to its limit":    {`emptyDir: {medium: Memory, sizeLimit: 1Ki}`, "&{Medium:Memory Limit:1024} <nil>"},
		"another medium":             {`emptyDir: {medium: Clay}`, `MountVolume.SetUp failed for volume "v" : unknown storage medium "Clay"`},
		"what is there, of any type": {`hostPath: {path: /var}`, "<nil> &{Path:/var Type:}"},
	} {
		t.Run(name, func(t *testing.T) {
			entry := "{name: v}"
			if c.volume != "" {
				entry = "{name: v, " + c.volume + "}"
			}
			if diff := cmp.Diff(c.want, planned(t, container+"\nvolumes: ["+entry+"]")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsKeptInMemoryIsAtMostWhatThePodMayUse(t *testing.T) {
	const volumes = "\nvolumes: [{name: v, emptyDir: {medium: Memory, sizeLimit: 1Gi}}]"
	limit := func(m string) string {
		return `{name: c` + m + `, image: a, resources: {limits: {memory: ` + m + `Mi}}}`
	}
	for containers, want := range map[string]string{
		"[" + limit("1") + "," + limit("2") + "]":           "&{Medium:Memory Limit:3145728} <nil>",
		"[" + limit("1") + ", {name: unlimited, image: a}]": "&{Medium:Memory Limit:1073741824} <nil>",
	} {
		if got := planned(t, "containers: "+containers+volumes); got != want {
			t.Errorf("%s: %s, want %s", containers, got, want)
		}
	}
}

func TestATokenIsForItsUserAlone(t *testing.T) {
	const token = "\nvolumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]"
	for spec, want := range map[string]string{
		`containers: [{name: a, image: a, securityContext: {runAsUser: 7}}, {name: b, image: b, securityContext: {runAsUser: 7}}]`: "t 600 {Audience: Seconds:3600} of 7",
		`containers: [{name: a, image: a, securityContext: {runAsUser: 7}}, {name: b, image: b, securityContext: {runAsUser: 8}}]`: "t 644 {Audience: Seconds:3600}",
		`containers: [{name: a, image: a, securityContext: {runAsUser: 7}}, {name: b, image: b}]`:                                  "t 644 {Audience: Seconds:3600}",
		`{securityContext: {runAsUser: 9}, containers: [{name: a, image: a}]}`:                                                     "t 600 {Audience: Seconds:3600} of 9",
		`{securityContext: {fsGroup: 9}, containers: [{name: a, image: a}]}`:                                                       "t 600 {Audience: Seconds:3600}",
	} {
		spec = strings.TrimSuffix(spec, "}") + strings.Repeat("}", strings.Count(spec, "{")-strings.Count(strings.TrimSuffix(spec, "}"), "}"))
		pod := podOf(t, spec)
		pod.Spec.Volumes = podOf(t, container+token).Spec.Volumes
		got := Plan(pod, shop).Volumes[0].Files.Files[0]
		text := fmt.Sprintf("%s %o %+v", got.Path, got.Mode, *got.Token)
		if got.Owner != nil {
			text += fmt.Sprintf(" of %d", *got.Owner)
		}
		if text != want {
			t.Errorf("%s: %s, want %s", spec, text, want)
		}
	}
}

func TestOneVolumeThatCannotBeMadeIsNoneOfTheOthersConcern(t *testing.T) {
	d := Plan(podOf(t, container+"\nvolumes: [{name: bad, configMap: {name: none}}, {name: good, emptyDir: {}}]"), shop)
	if len(d.Volumes) != 1 || d.Volumes[0].Name != "good" || len(d.Problems) != 1 || d.Problems[0].Volume != "bad" {
		t.Errorf("decision: %+v", d)
	}
}

func TestTheGroupOwnsAllButWhatIsTheNodes(t *testing.T) {
	d := Plan(podOf(t, "{securityContext: {fsGroup: 9}, "+container+", volumes: [{name: a, emptyDir: {}}, {name: b, secret: {secretName: login}}, {name: c, hostPath: {path: /c}}]}"), shop)
	for _, v := range d.Volumes {
		if owned := v.Group != nil && *v.Group == 9; owned != (v.Name != "c") {
			t.Errorf("volume %s is owned by %v", v.Name, v.Group)
		}
	}
}

func TestWhereAContainerSeesWhat(t *testing.T) {
	pod := podOf(t, `
containers:
- name: a
  image: a
  securityContext: {privileged: true}
  volumeMounts:
  - {name: dir, mountPath: /a/}
  - {name: dir, mountPath: relative, readOnly: true, recursiveReadOnly: IfPossible}
  - {name: dir, mountPath: /logs, subPathExpr: $(POD)/$$x}
  - {name: settings, mountPath: /settings, subPath: colour}
  - {name: shared, mountPath: /shared, mountPropagation: Bidirectional}
volumes: [{name: dir, emptyDir: {}}, {name: settings, configMap: {name: settings}}, {name: shared, emptyDir: {}}]`)
	got, err := Mounts(&pod.Spec, &pod.Spec.Containers[0], []string{"", "", "web-1/$x", "colour", ""})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Mount{
		{Volume: "dir", Target: "/a", Propagation: "None"},
		{Volume: "dir", Index: 1, Target: "/relative", ReadOnly: true, RecursiveReadOnly: true, Propagation: "None"},
		{Volume: "dir", Index: 2, SubPath: "web-1/$x", Target: "/logs", Propagation: "None"},
		{Volume: "settings", Index: 3, SubPath: "colour", Target: "/settings", ReadOnly: true, Propagation: "None"},
		{Volume: "shared", Index: 4, Target: "/shared", Propagation: "Bidirectional"},
	}, got); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
	for _, v := range Plan(pod, shop).Volumes {
		if v.Shared != (v.Name == "shared") {
			t.Errorf("volume %s is shared: %v", v.Name, v.Shared)
		}
	}
}

func TestAPathMadeOfVariablesLeadsNowhereElse(t *testing.T) {
	pod := podOf(t, `{containers: [{name: a, image: a, volumeMounts: [{name: v, mountPath: /v, subPathExpr: $(A)}]}], volumes: [{name: v}]}`)
	for made, want := range map[string]string{
		"../up": `unable to provision SubPath "../up": must not contain '..'`,
		"/etc":  `error SubPath "/etc" must not be an absolute path`,
	} {
		if _, err := Mounts(&pod.Spec, &pod.Spec.Containers[0], []string{made}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", made, err, want)
		}
	}
}
