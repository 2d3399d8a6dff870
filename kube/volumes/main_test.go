//go:build linux

package volumes

import (
	"os"
	"testing"

	"kubelab/kube/containers/containerstest"
)

// inside says that the tests have mounts of their own.
const inside = "KUBELAB_VOLUMES_TEST"

func TestMain(m *testing.M) {
	if os.Geteuid() == 0 && os.Getenv(inside) == "" {
		os.Exit(containerstest.RunInside(inside + "=yes"))
	}
	if os.Getenv(inside) != "" {
		if err := containerstest.SettleIn(); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
