package main

import "testing"

func TestAComponentIsKnownByItsCommandLine(t *testing.T) {
	for line, want := range map[string]string{
		"/opt/bin/kube\x00apiserver\x00--etcd\x00x\x00": "apiserver",
		"/opt/bin/kube-shim\x00/run/pods/1\x00":         "kube-shim",
		"sleep\x001000000\x00":                          "",
		"":                                              "", // of the kernel
	} {
		if got := componentOf(line); got != want {
			t.Errorf("%q is %q, want %q", line, got, want)
		}
	}
}

func TestMemoryIsTheProportionalShareAndCPUIsThatOfAProcessAndItsEndedChildren(t *testing.T) {
	rollup := "5600-7fff ---p 00000000 00:00 0 [rollup]\nRss:  4096 kB\nPss:  2048 kB\nPss_Dirty: 12 kB\n"
	if got, ok := pssOf(rollup); got != 2 || !ok {
		t.Errorf("Pss is %v, %v, want 2 MB", got, ok)
	}
	if _, ok := pssOf(""); ok {
		t.Error("a process that is gone has memory")
	}
	stat := "42 (a ) b) S 1 42 42 0 -1 4194304 1 0 0 0 150 50 70 30 20 0 8 0 100"
	if got := cpuOf(stat); got != 3 {
		t.Errorf("CPU is %v s, want 3", got)
	}
}
