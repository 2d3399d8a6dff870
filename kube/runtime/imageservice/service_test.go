//go:build linux

package imageservice

import (
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func TestCredentialsGoToTheRegistryThatTheyAreForAndToNoOther(t *testing.T) {
	for _, test := range []struct {
		image, server string
		given         bool
	}{
		{"localhost:5000/web", "", true},
		{"localhost:5000/web", "localhost:5000", true},
		{"localhost:5000/web", "https://localhost:5000/v2/", true},
		{"localhost:5000/web", "localhost:5001", false},
		{"busybox", "https://index.docker.io/v1/", true},
		{"busybox", "localhost:5000", false},
	} {
		auth, err := credentials(&cri.PullImageRequest{
			Image: &cri.ImageSpec{Image: test.image}, Auth: &cri.AuthConfig{Username: "alice", ServerAddress: test.server},
		})
		if err != nil || (auth.GetUsername() == "alice") != test.given {
			t.Errorf("for %s, those of %q are given as %v, %v", test.image, test.server, auth, err)
		}
	}
}
