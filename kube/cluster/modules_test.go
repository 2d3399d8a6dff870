//go:build linux

package cluster

import "testing"

func TestAModuleIsBuiltInIfItsFileIsListedWhateverStandsBetweenItsWords(t *testing.T) {
	listed := "kernel/net/bridge/bridge.ko\nkernel/drivers/net/veth.ko\nkernel/net/netfilter/nf-tables.ko\n"
	for module, want := range map[string]bool{"bridge": true, "veth": true, "nf_tables": true, "overlay": false, "net": false, "bri": false} {
		if got := isBuiltin(listed, module); got != want {
			t.Errorf("%s: %t", module, got)
		}
	}
}
