package sysctls

import (
	"strings"
	"testing"
)

func TestANameIsWrittenWithDotsOrWithSlashesAndMeansTheSameFile(t *testing.T) {
	for name, want := range map[string]struct{ dotted, file string }{
		"net.ipv4.tcp_syncookies":           {"net.ipv4.tcp_syncookies", "net/ipv4/tcp_syncookies"},
		"net/ipv4/tcp_syncookies":           {"net.ipv4.tcp_syncookies", "net/ipv4/tcp_syncookies"},
		"net/ipv4/conf/eth0.1/forwarding":   {"net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"},
		"net.ipv4.conf.eth0/1.forwarding":   {"net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"},
		"of-one-part-only-there-is-nothing": {"of-one-part-only-there-is-nothing", "of-one-part-only-there-is-nothing"},
	} {
		if dotted, file := Dotted(name), File(name); dotted != want.dotted || file != want.file {
			t.Errorf("%s is %s in %s, want %s in %s", name, dotted, file, want.dotted, want.file)
		}
	}
}

func TestNoNameLeadsOutOfProcSys(t *testing.T) {
	for name, want := range map[string]bool{
		"net.ipv4.tcp_rmem": true, "net/ipv4/tcp_rmem": true, "a": true, strings.Repeat("a", MaxName): true,
		"": false, ".": false, "net..ipv4": false, "net.ipv4.": false, "/kernel/panic": false, "net/../kernel/panic": false, "net.//.kernel": false,
		"Kernel.Sem": false, "kernel.sem\n": false, strings.Repeat("a", MaxName+1): false,
	} {
		if got := Valid(name); got != want {
			t.Errorf("%q is valid: %v, want %v", name, got, want)
		}
	}
}

func TestAParameterIsThatOfANamespaceOrTheMachines(t *testing.T) {
	for name, want := range map[string]Namespace{
		"net.core.somaxconn": Network, "net/ipv4/tcp_rmem": Network, "kernel.shm_rmid_forced": IPC, "kernel.shmmax": IPC, "kernel.msgmax": IPC,
		"kernel.sem": IPC, "fs.mqueue.msg_max": IPC,
		"kernel.semi": Machine, "kernel.panic": Machine, "vm.swappiness": Machine, "fs.file-max": Machine, "kernel.hostname": Machine, "network.x": Machine,
	} {
		if got := NamespaceOf(name); got != want {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
}

func TestWhatIsSafeBelongsToANamespace(t *testing.T) {
	for _, name := range safe {
		if !Valid(name) || NamespaceOf(name) == Machine || !Safe(strings.ReplaceAll(name, ".", "/")) {
			t.Errorf("%s: valid %v, of %q, safe with slashes %v", name, Valid(name), NamespaceOf(name), Safe(strings.ReplaceAll(name, ".", "/")))
		}
	}
	for _, name := range []string{"kernel.panic", "kernel.msgmax", "net.core.somaxconn", "net.ipv4.tcp_rme", ""} {
		if Safe(name) {
			t.Errorf("%q is safe", name)
		}
	}
}
