package eviction

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// podOf is a pod with these volumes in YAML.
func podOf(t *testing.T, volumes string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{}
	if err := yaml.UnmarshalStrict([]byte(volumes), &pod.Spec.Volumes); err != nil {
		t.Fatal(err)
	}
	return pod
}

func TestAPodIsEvictedWhoseVolumeExceedsItsLimit(t *testing.T) {
	const exceeds = `Usage of EmptyDir volume "v" exceeds the limit "1Mi".`
	for name, c := range map[string]struct {
		volumes string
		used    int64
		want    string
	}{
		"it holds less":           {"[{name: v, emptyDir: {sizeLimit: 1Mi}}]", 1<<20 - 1, ""},
		"it is full":              {"[{name: v, emptyDir: {sizeLimit: 1Mi}}]", 1 << 20, ""},
		"it holds more":           {"[{name: v, emptyDir: {sizeLimit: 1Mi}}]", 1<<20 + 1, exceeds},
		"the second one does":     {"[{name: w, emptyDir: {sizeLimit: 1Mi}}, {name: v, emptyDir: {sizeLimit: 1Mi}}]", 1<<20 + 1, exceeds},
		"it has no limit":         {"[{name: v, emptyDir: {}}]", 1 << 40, ""},
		"a limit of 0 is none":    {"[{name: v, emptyDir: {sizeLimit: 0}}]", 1, ""},
		"it has a size of itself": {"[{name: v, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]", 1 << 40, ""},
		"it is the node's":        {"[{name: v, hostPath: {path: /}}]", 1 << 40, ""},
	} {
		if got := Plan(podOf(t, c.volumes), map[string]int64{"v": c.used}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestAPodThatEndsAnywayIsNotEvicted(t *testing.T) {
	for name, end := range map[string]func(*corev1.Pod){
		"it has failed":  func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed },
		"it was deleted": func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} },
	} {
		pod := podOf(t, "[{name: v, emptyDir: {sizeLimit: 1}}]")
		end(pod)
		if got := Plan(pod, map[string]int64{"v": 2}); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
