package apiserver_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func BenchmarkCreateOneKiB(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			c := start(b).As(worker, "")
			value := strings.Repeat("x", 1024)
			var n atomic.Int64
			b.SetParallelism(max(clients/2, 1))
			one := func() {
				object := configMap(fmt.Sprintf("c%d", n.Add(1)), "value", value)
				if _, err := c.CoreV1().ConfigMaps("default").Create(b.Context(), object, metav1.CreateOptions{}); err != nil {
					b.Error(err)
				}
			}
			b.ResetTimer()
			if clients == 1 {
				for b.Loop() {
					one()
				}
				return
			}
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					one()
				}
			})
		})
	}
}

// BenchmarkUpdateOneKiB changes one of twenty objects after the other, as nodes do with their pods.
func BenchmarkUpdateOneKiB(b *testing.B) {
	configMaps := start(b).As(worker, "").CoreV1().ConfigMaps("default")
	var err error
	objects := make([]*corev1.ConfigMap, 20)
	for i := range objects {
		if objects[i], err = configMaps.Create(b.Context(), configMap(fmt.Sprint("c", i), "value", strings.Repeat("x", 1024)), metav1.CreateOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	for n := 0; b.Loop(); n++ {
		object := &objects[n%len(objects)]
		(*object).Data["n"] = fmt.Sprint(n)
		if *object, err = configMaps.Update(b.Context(), *object, metav1.UpdateOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList5000(b *testing.B) {
	c := start(b).As(worker, "")
	for i := range 5000 {
		object := configMap(fmt.Sprintf("c%d", i), "value", strings.Repeat("x", 1024))
		if _, err := c.CoreV1().ConfigMaps("default").Create(b.Context(), object, metav1.CreateOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := c.CoreV1().RESTClient().Get().Namespace("default").Resource("configmaps").SetHeader("Accept", "application/json").Do(b.Context()).Raw(); err != nil {
			b.Fatal(err)
		}
	}
}
