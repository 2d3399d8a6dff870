//go:build linux

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"kubelab/kube/mounts"
)

// The tests' binary is also the program kube of their hosts, and their machine's first process.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "kube" {
		if err := beKube(os.Args[1], os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if kind := os.Getenv(machineMark); kind != "" {
		if err := beMachine(kind); err != nil {
			fmt.Fprintln(os.Stderr, "make an empty machine:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// beKube is kube with components so small that hosts can be looked at by themselves.
func beKube(component string, args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := PassGate(); err != nil {
		return err
	}
	switch component {
	case "host":
		return RunHost(ctx, args[1], args[3])
	case "forward":
		return Forward(ctx, args[1], args[3])
	case "apiserver":
		for i, arg := range args {
			if arg == "--listen" {
				go tellFacts(args[i+1])
			}
		}
	case "dns": // every node tells too
		go tellFacts("0.0.0.0:6443")
	}
	<-ctx.Done()
	return nil
}

// facts are what a process sees of the host that it is on.
type facts struct {
	Hostname  string
	Processes []string // the programs, as /proc has them
	Addresses []string // of eth0
	Hardware  string   // of eth0
	Mounts    []string // below /run/kubelab
	Asker     string   // where the question came from
}

// tellFacts tells whoever connects what it is like here.
func tellFacts(listen string) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		var f facts
		f.Hostname, _ = os.Hostname()
		f.Processes = programs()
		if nic, err := net.InterfaceByName(hostNIC); err == nil {
			f.Hardware = nic.HardwareAddr.String()
			addresses, _ := nic.Addrs()
			for _, address := range addresses {
				if strings.Contains(address.String(), ".") {
					f.Addresses = append(f.Addresses, address.String())
				}
			}
		}
		f.Mounts, _ = mounts.Below(runDir)
		f.Asker, _, _ = net.SplitHostPort(conn.RemoteAddr().String())
		_ = json.NewEncoder(conn).Encode(f)
		_ = conn.Close()
	}
}

// programs lists the command lines of all processes that /proc shows: "kube etcd", without further arguments.
func programs() []string {
	var found []string
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range paths {
		content, err := os.ReadFile(path)
		words := strings.Split(strings.TrimRight(string(content), "\x00"), "\x00")
		if err != nil || words[0] == "" {
			continue
		}
		words[0] = filepath.Base(words[0])
		found = append(found, strings.Join(words[:min(2, len(words))], " "))
	}
	return found
}

// beMachine makes the namespaces that this process was born into an empty machine: its own network, its
// own processes, its own /run. What a test does in there, no other program on the real machine sees.
func beMachine(kind string) error {
	if kind == systemd { // testdata/systemd.sh has made everything
		return loopbackUp()
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	if err := mounts.Drop(runDir); err != nil { // of clusters on the real machine
		return err
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	if kind == cgroup2 {
		if err := unix.Mount("cgroup2", cgroupMount, "cgroup2", 0, ""); err != nil {
			return err
		}
	}
	if err := os.WriteFile(forwardingSwitch, []byte("0"), 0o644); err != nil {
		return err
	}
	return loopbackUp()
}

func loopbackUp() error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(loopback)
}
