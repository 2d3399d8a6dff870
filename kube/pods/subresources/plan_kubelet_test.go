package subresources_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/pods/subresources"
)

func TestAKubeletIsAskedOnlyAtAnAddressOfAnotherHost(t *testing.T) {
	for address, want := range map[string]string{
		"172.30.0.3": "172.30.0.3:10250", "8.8.8.8": "8.8.8.8:10250", "fd00::3": "[fd00::3]:10250", "::ffff:172.30.0.3": "172.30.0.3:10250",
		"127.0.0.1": "", "127.1.2.3": "", "::1": "", "::ffff:127.0.0.1": "", "0.0.0.0": "", "::": "", "0.1.2.3": "",
		"169.254.169.254": "", "fe80::1": "", "fe80::1%eth0": "", "224.0.0.1": "", "ff02::1": "", "255.255.255.255": "", "240.0.0.1": "",
		"[::1]": "", "localhost": "", "node-2": "", "": "", "172.30.0.3:22": "", "010.0.0.1": "", "1": "",
	} {
		n := &corev1.Node{Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeHostName, Address: "node-1"}, {Type: corev1.NodeInternalIP, Address: address}}}}
		got, err := subresources.PlanKubelet(n)
		if (err == nil) != (want != "") || want != "" && got.String() != want {
			t.Errorf("%q: got %v, %v, want %q", address, got, err, want)
		}
	}
	for port, want := range map[int32]bool{0: true, 1: true, 65535: true, -1: false, 65536: false, 1 << 30: false} {
		n := &corev1.Node{Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "172.30.0.3"}}}}
		n.Status.DaemonEndpoints.KubeletEndpoint.Port = port
		if _, err := subresources.PlanKubelet(n); (err == nil) != want {
			t.Errorf("port %d: got %v, want allowed %t", port, err, want)
		}
	}
}
