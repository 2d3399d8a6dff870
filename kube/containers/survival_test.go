//go:build linux

package containers_test

const starterDir = "KUBELAB_TEST_STARTER"

func starter(dir string) {}
