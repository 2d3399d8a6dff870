package main

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	kubetesting "k8s.io/client-go/testing"

	"kubelab/kube/operator"
)

func TestEveryLoopOfTheHouseCanBeHeldByItsName(t *testing.T) {
	var names []string
	house := os.DirFS("../..")
	err := fs.WalkDir(house, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := fs.ReadFile(house, path)
		for _, found := range regexp.MustCompile(`operator\.NewLoop\("([^"]*)"`).FindAllSubmatch(source, -1) {
			names = append(names, string(found[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	names = slices.Compact(names) // there is a simulated kubelet, too
	if diff := cmp.Diff(names, loops); diff != "" {
		t.Errorf("(-in the house +known to kube step):\n%s", diff)
	}
	for text, want := range map[string]string{"scheduler": "scheduler", "kubelet@node-2": "kubelet.node-2", "": "", "sheduler": "?"} {
		got, err := loopName(text)
		if err != nil {
			got = "?"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestTwoWhoReleaseAllLoopsAtOnceBothSucceed(t *testing.T) {
	held := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: operator.StepMode}, Data: map[string]string{"scheduler": "0"}}
	client := fake.NewClientset(held)
	client.PrependReactor("delete", "configmaps", func(kubetesting.Action) (bool, runtime.Object, error) {
		if err := client.Tracker().Delete(corev1.SchemeGroupVersion.WithResource("configmaps"), held.Namespace, held.Name); err != nil {
			t.Error(err) // the other one is faster
		}
		return true, nil, apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, held.Name)
	})
	release := func(data map[string]string) error { clear(data); return nil }
	if err := setStepMode(t.Context(), client, release); err != nil {
		t.Error(err)
	}
}
