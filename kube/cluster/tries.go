//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"kubelab/kube/containers"
	"kubelab/kube/mounts"
	"kubelab/kube/podnet"
	"kubelab/kube/services"
)

// try is something that a cluster relies on. It is done for real, and undone, before anything of the cluster is made: a kernel loads most
// of its modules when they are first used, so no list of modules tells what it can do.
type try struct {
	do     func(ctx context.Context) error
	remedy string
}

// What must be free where a cluster keeps its data (etcd alone takes 128 MiB at once), and where it keeps its state.
const (
	leastDisk  = 512 << 20 // bytes
	leastFiles = 2000      // three nodes and a few pods have about half of that

	leastRun      = 4 << 20 // bytes; the state and what is tried take some KiB
	leastRunFiles = 20
)

// What is made to be tried, each by a name that follows from the cluster's: see [forgetTries].
const triedSwitch, triedService = "try-switch", "try-service"

func triedName(cluster string) string { return "kubelab-try-" + cluster }

// tries are done with directories below dir, which are made for them and removed after.
func (o Options) tries(dir string) []try {
	return []try{
		{func(context.Context) error { return tryDisk(o.DataDir, leastDisk, leastFiles) }, "make room, or choose another --data-dir"},
		{func(context.Context) error { return tryDisk(runDir, leastRun, leastRunFiles) }, "make room there: it is where a cluster notes what runs"},
		{func(context.Context) error { return needing(tryOverlay(triedOverlay(o.Name, o.DataDir)), "overlay") },
			"containers need the kernel's overlay file system, with --data-dir on ext4, xfs, btrfs or tmpfs"},
		{func(context.Context) error { return tryCgroup(triedCgroup(o.Name)) },
			"hosts and pods need cgroups, with the controllers cpu, memory and pids: run on a machine or in a VM, or in a container to which a writable " +
				cgroupMount + " with these is delegated; a kernel that was started with cgroup_disable= lacks some"},
		{trySystemd, "hosts need a scope of systemd's for their cgroups: start the cluster where systemd can be asked, in no sandbox of a service"},
		{func(context.Context) error { _, err := exec.LookPath("nft"); return err },
			"services need the program nft (sudo apt install nftables)"},
		{func(context.Context) error {
			return needing(trySwitch(filepath.Join(dir, triedSwitch)), switchModules...)
		},
			"hosts are plugged into a switch, which needs network namespaces, and of the kernel " + strings.Join(switchModules, " and ")},
		{func(ctx context.Context) error {
			return needing(tryService(ctx, filepath.Join(dir, triedService), services.Ranges{Pods: o.pods(), Services: o.services()}), serviceModules...)
		},
			"a service needs a writable /proc/sys/net, and of the kernel " + strings.Join(serviceModules, ", ")},
	}
}

// What is a module in many kernels.
var (
	switchModules  = []string{"bridge", "veth"}
	serviceModules = []string{"veth", "nf_tables", "nft_chain_nat", "nft_nat", "nft_masq", "nft_numgen", "nft_hash", "nft_fib_ipv4", "nft_reject_ipv4", "nft_ct", "nf_conntrack"}
)

// tryAll does all tries at once, and says of each that fails what to do.
func tryAll(ctx context.Context, tries []try) error {
	failures := make([]error, len(tries))
	var all sync.WaitGroup
	for i, try := range tries {
		all.Go(func() {
			if err := try.do(ctx); err != nil {
				failures[i] = fmt.Errorf("%w\n  Remedy: %s", err, try.remedy)
			}
		})
	}
	all.Wait()
	return errors.Join(failures...)
}

// forgetTries removes what tries of a cluster left behind that were killed in the middle.
func forgetTries(cluster, dataDir string) error {
	for _, name := range []string{triedSwitch, triedService} {
		dir := filepath.Join(clusterDir(cluster), name)
		if err := errors.Join(mounts.Drop(dir), os.RemoveAll(dir)); err != nil {
			return err
		}
	}
	err := removeCgroups(triedCgroup(cluster))
	if _, missing := os.Lstat(triedOverlay(cluster, dataDir)); missing == nil { // a place that cannot be written has none, and that is said elsewhere
		err = errors.Join(err, os.RemoveAll(triedOverlay(cluster, dataDir)))
	}
	return err
}

// placeOf is where a directory is, or will be: the nearest one that is there.
func placeOf(dir string) string {
	for _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist); _, err = os.Stat(dir) {
		dir = filepath.Dir(dir)
	}
	return dir
}

// tryDisk wants room for so many bytes and files where a directory is, or will be.
func tryDisk(dir string, bytes, files uint64) error {
	place := placeOf(dir)
	var disk unix.Statfs_t
	if err := unix.Statfs(place, &disk); err != nil {
		return fmt.Errorf("look at the disk of %s: %w", place, err)
	}
	if disk.Files > 0 && disk.Ffree < files {
		return fmt.Errorf("%s has room for %d files, and a cluster needs %d", place, disk.Ffree, files)
	}
	if free := disk.Bavail * uint64(disk.Bsize); disk.Blocks > 0 && free < bytes {
		return fmt.Errorf("%s has %d MiB free, and a cluster needs %d", place, free>>20, bytes>>20)
	}
	return nil
}

// triedOverlay is on the file system of the data, which itself is not made yet.
func triedOverlay(cluster, dataDir string) string {
	return filepath.Join(placeOf(dataDir), "."+triedName(cluster))
}

// tryOverlay mounts one in dir, in a mount namespace that ends with its thread.
func tryOverlay(dir string) (err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("write where the data are kept: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			return err
		}
	}
	return onThreadThatEnds(func() error { return mountOverlay(dir) })
}

// onThreadThatEnds calls fn on a thread that ends with it, and with it the namespaces that fn gave it. The program's first thread does
// not end before the program, and /proc/self shows what it sees: so another one has to do it.
func onThreadThatEnds(fn func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked, but on the first
		if unix.Gettid() != unix.Getpid() {
			done <- fn()
			return
		}
		defer runtime.UnlockOSThread()
		done <- onThreadThatEnds(fn)
	}()
	return <-done
}

func mountOverlay(dir string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts to ourselves: %w", err)
	}
	merged := filepath.Join(dir, "merged")
	options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	if err := unix.Mount("overlay", merged, "overlay", 0, options); err != nil {
		return fmt.Errorf("mount an overlay in %s: %w", filepath.Dir(dir), err)
	}
	// Detached, because a program that another try starts may hold the file for a moment, until it is executed.
	return errors.Join(os.WriteFile(filepath.Join(merged, "file"), nil, 0o600), unix.Unmount(merged, unix.MNT_DETACH))
}

// trySystemd asks whoever will be asked to make the cluster's scope.
func trySystemd(ctx context.Context) error {
	if !needsScope() {
		return nil
	}
	systemd, err := dbus.NewWithContext(ctx)
	if err != nil {
		return fmt.Errorf("connect to systemd: %w", err)
	}
	defer systemd.Close()
	if _, err := systemd.ListUnitsByNamesContext(ctx, []string{scopeName("try")}); err != nil {
		return fmt.Errorf("ask systemd: %w", err)
	}
	return nil
}

// trySwitch plugs a cable into a switch.
func trySwitch(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, "switch")
	if err := podnet.NewNetNS(path); err != nil {
		return err
	}
	err := podnet.Do(path, func() error {
		if err := addBridge(); err != nil {
			return err
		}
		if err := addCable("host", &netlink.Veth{PeerName: hostNIC}); err != nil {
			return fmt.Errorf("plug a cable into a switch: %w", err)
		}
		return nil
	})
	return errors.Join(err, podnet.RemoveNetNS(path), os.RemoveAll(dir))
}

// triedLimits are such as each pod's cgroup has. A test that plays a machine of cgroup v2 on one of version 1, where no controller is left
// for it, tries none.
var triedLimits = containers.Resources{CPUShares: 2, MemoryLimit: 64 << 20, PidsLimit: 64}

func triedCgroup(cluster string) string { return "/" + triedName(cluster) }

// tryCgroup makes one with limits.
func tryCgroup(cgroup string) error {
	err := containers.LimitCgroup(cgroup, triedLimits)
	if err = errors.Join(err, removeCgroups(cgroup)); err != nil {
		return fmt.Errorf("make a cgroup with limits: %w", err)
	}
	return nil
}

// tryService is a node in small: two pods on it, a service that leads to one, and the other that calls it there.
func tryService(ctx context.Context, dir string, ranges services.Ranges) error {
	node := filepath.Join(dir, "node")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := podnet.NewNetNS(node); err != nil {
		return err
	}
	err := podnet.Do(node, func() error { return callService(ctx, dir, ranges) })
	return errors.Join(err, podnet.RemoveNetNS(node), os.RemoveAll(dir))
}

// answerTerm is how long a connection on one machine may take, also where that is very busy.
const answerTerm = 5 * time.Second

func callService(ctx context.Context, dir string, ranges services.Ranges) (err error) {
	own := netip.PrefixFrom(ranges.Pods.Addr(), 24)
	network, err := podnet.Open(podnet.Config{Dir: dir, PodCIDR: own, ClusterCIDR: ranges.Pods})
	if err != nil {
		return fmt.Errorf("make a pod network: %w", err)
	}
	defer network.Close()
	defer func() { err = errors.Join(err, network.Detach(ctx, "caller"), network.Detach(ctx, "server")) }()
	caller, err := network.Attach(ctx, "caller")
	if err != nil {
		return err
	}
	server, err := network.Attach(ctx, "server")
	if err != nil {
		return err
	}
	address := netip.AddrPortFrom(services.KubernetesIP(ranges.Services), 443)
	err = services.Load(ctx, services.Node{Name: "try", PodCIDR: own}, ranges, services.Frontend{
		Address: address, Protocol: "tcp", Backends: []services.Backend{{Address: netip.AddrPortFrom(server.IP, 6443), Local: true}},
	})
	if err != nil {
		return err
	}
	var listener net.Listener
	err = podnet.Do(server.NetNS, func() (err error) {
		listener, err = net.Listen("tcp4", netip.AddrPortFrom(server.IP, 6443).String())
		return err
	})
	if err != nil {
		return err
	}
	defer listener.Close()
	for _, from := range []podnet.Attachment{caller, server} {
		if err := podnet.Do(from.NetNS, func() error { return greet(address) }); err != nil {
			return fmt.Errorf("call a service from a pod of the same node: %w", err)
		}
	}
	return nil
}

// greet makes a connection, which the kernel answers for a listener.
func greet(address netip.AddrPort) error {
	connection, err := net.DialTimeout("tcp4", address.String(), answerTerm)
	if err != nil {
		return err
	}
	return connection.Close()
}
