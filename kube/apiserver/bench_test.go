package apiserver_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

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

func BenchmarkUpdateOneKiB(b *testing.B) {
	c := start(b).As(worker, "")
	object, err := c.CoreV1().ConfigMaps("default").Create(b.Context(), configMap("a", "value", strings.Repeat("x", 1024)), metav1.CreateOptions{})
	for n := 0; b.Loop() && err == nil; n++ {
		object.Data["n"] = fmt.Sprint(n)
		object, err = c.CoreV1().ConfigMaps("default").Update(b.Context(), object, metav1.UpdateOptions{})
	}
	if err != nil {
		b.Fatal(err)
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
