//go:build linux

package runtime

import (
	"fmt"
	"slices"
	"testing"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// BenchmarkPodStart measures the calls of which a pod's start is made, each over the CRI socket.
func BenchmarkPodStart(b *testing.B) {
	n := newNode(b)
	took := map[string][]time.Duration{}
	measure := func(what string, call func() error) {
		start := time.Now()
		if err := call(); err != nil {
			b.Fatal(err)
		}
		took[what] = append(took[what], time.Since(start))
	}
	for i := 0; b.Loop(); i++ {
		var sandbox *cri.RunPodSandboxResponse
		var c *cri.CreateContainerResponse
		config := n.podConfig(fmt.Sprintf("pod-%d", i))
		measure("1-sandbox", func() (err error) {
			sandbox, err = n.RunPodSandbox(b.Context(), &cri.RunPodSandboxRequest{Config: config})
			return err
		})
		measure("2-create", func() (err error) {
			c, err = n.CreateContainer(b.Context(), &cri.CreateContainerRequest{PodSandboxId: sandbox.PodSandboxId, Config: &cri.ContainerConfig{
				Metadata: &cri.ContainerMetadata{Name: "main"}, Image: &cri.ImageSpec{Image: "busybox"}, Command: []string{"sleep", "1000"}, LogPath: "main.log",
			}})
			return err
		})
		measure("3-start", func() error {
			_, err := n.StartContainer(b.Context(), &cri.StartContainerRequest{ContainerId: c.ContainerId})
			return err
		})
		measure("4-stop", func() error {
			_, err := n.StopContainer(b.Context(), &cri.StopContainerRequest{ContainerId: c.ContainerId})
			return err
		})
		measure("5-remove", func() error {
			_, err := n.RemovePodSandbox(b.Context(), &cri.RemovePodSandboxRequest{PodSandboxId: sandbox.PodSandboxId})
			return err
		})
	}
	b.ReportMetric(0, "ns/op")
	for what, all := range took {
		slices.Sort(all)
		b.ReportMetric(float64(all[0].Microseconds())/1000, what+"-min-ms")
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, what+"-p50-ms")
	}
}
