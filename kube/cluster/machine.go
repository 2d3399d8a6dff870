//go:build linux

package cluster

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// resolvConfs are where name servers are found. systemd-resolved writes those that it asks itself into
// the second: in the first it names only itself, on a loopback that hosts cannot reach.
var resolvConfs = []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"}

// upstream are the name servers that the cluster's DNS asks for names outside of the cluster. Where all of
// the machine's listen on its loopback (dnsmasq, Docker's) or have addresses of IPv6, the machine relays to them.
func upstream(spec Spec) (direct, relayed []string) {
	if spec.Isolated {
		return nil, nil
	}
	for _, path := range resolvConfs {
		reachable, hidden := nameServers(path)
		if len(reachable) > 0 {
			return reachable, nil
		}
		relayed = append(relayed, hidden...)
	}
	if len(relayed) > 0 {
		direct = []string{netip.AddrPortFrom(spec.machine(), dnsPort).String()}
	}
	return direct, relayed
}

// nameServers reads the servers in a resolv.conf(5): those that can be reached from another network
// namespace, and those that cannot. Hosts have IPv4 only.
func nameServers(path string) (reachable, hidden []string) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		ip, err := netip.ParseAddr(fields[1])
		if err != nil {
			continue
		}
		server := netip.AddrPortFrom(ip, dnsPort).String()
		if ip.Is4() && !ip.IsLoopback() {
			reachable = append(reachable, server)
		} else {
			hidden = append(hidden, server)
		}
	}
	return reachable, hidden
}

// choosePort chooses the port on the loopback: the one that was asked for, else the one that it was
// before, else the usual one, or for a further cluster any.
func choosePort(o Options, before int) (int, error) {
	wanted := o.Port
	if wanted == 0 {
		wanted = before
	}
	if wanted == 0 && o.Name == DefaultName {
		wanted = DefaultPort
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(wanted)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return 0, fmt.Errorf("port %d on 127.0.0.1 is taken by another program (see: ss -ltnp): choose another one with --port", wanted)
	}
	if err != nil {
		return 0, fmt.Errorf("listen on port %d: %w", wanted, err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// chooseSite chooses where the lab site listens: where it was asked to, else where it was before, else at the usual
// port or any that is free.
func chooseSite(o Options, before string) (Site, error) {
	chosen, candidates := o.Site, []string{before, fmt.Sprintf("127.0.0.1:%d", sitePort), "127.0.0.1:0"}
	switch {
	case o.NoSite:
		return Site{}, nil
	case o.Site.Listen != "":
		candidates = []string{o.Site.Listen}
	case o.Name != DefaultName:
		candidates = []string{before, "127.0.0.1:0"}
	}
	var failure error
	for _, address := range candidates {
		if address == "" {
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err == nil {
			chosen.Listen = listener.Addr().String()
			return chosen, listener.Close()
		}
		failure = err
	}
	return Site{}, fmt.Errorf("--site-listen: %w: choose another ADDRESS:PORT", failure)
}

// Machine returns the machine's cores and memory in bytes.
func Machine() (cores int, memory int64, err error) {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 0, 0, fmt.Errorf("ask for the machine's memory: %w", err)
	}
	return runtime.NumCPU(), int64(info.Totalram) * int64(info.Unit), nil
}
