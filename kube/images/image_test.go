package images

import (
	"errors"
	"strings"
	"testing"
)

func TestAShortNameStandsForAFullOne(t *testing.T) {
	digest := "sha256:" + strings.Repeat("4f", 32)
	for short, want := range map[string]string{
		"busybox":                             "docker.io/library/busybox:latest",
		"busybox:1.36":                        "docker.io/library/busybox:1.36",
		"docker.io/busybox":                   "docker.io/library/busybox:latest",
		"index.docker.io/a/b":                 "docker.io/a/b:latest",
		"me/web":                              "docker.io/me/web:latest",
		"registry.k8s.io/pause:3.10":          "registry.k8s.io/pause:3.10",
		"localhost:5000/web":                  "localhost:5000/web:latest",
		"10.96.0.5:5000/me/web:2":             "10.96.0.5:5000/me/web:2",
		"busybox@" + digest:                   "docker.io/library/busybox@" + digest,
		"busybox:1.36@" + digest:              "docker.io/library/busybox@" + digest,
		digest:                                digest,
		strings.TrimPrefix(digest, "sha256:"): digest,
	} {
		got, err := Normalize(short)
		if err != nil || got != want {
			t.Errorf("Normalize(%q) = %q, %v; want %q", short, got, err, want)
		}
	}
}

func TestWhatIsNoNameIsRefused(t *testing.T) {
	for _, bad := range []string{"", "Busybox", "a b", "busybox:", "busybox@sha256:12", "http://example.com/x"} {
		if got, err := Normalize(bad); !errors.Is(err, ErrInvalidName) {
			t.Errorf("Normalize(%q) = %q, %v; want ErrInvalidName", bad, got, err)
		}
	}
}
