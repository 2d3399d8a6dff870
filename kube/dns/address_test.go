//go:build linux

package dns

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"kubelab/kube/podnet"
)

func TestEveryNodeHasTheDNSAddressItself(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a network namespace")
	}
	node := filepath.Join(t.TempDir(), "node")
	must(t, podnet.NewNetNS(node))
	defer func() { must(t, podnet.RemoveNetNS(node)) }()
	must(t, podnet.Do(node, func() error {
		ip := netip.MustParseAddr("10.96.0.10")
		for range 2 { // it may be there from an earlier start
			if err := Own(ip); err != nil {
				return err
			}
		}
		udp, err := net.ListenPacket("udp", "10.96.0.10:53")
		if err != nil {
			return err
		}
		return udp.Close()
	}))
}
