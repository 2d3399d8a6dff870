package services

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// DefaultRange is where services have their addresses, unless the cluster was made with another range. Two addresses of it are set aside.
var DefaultRange = netip.MustParsePrefix("10.96.0.0/16")

// KubernetesIP is the address of the API server, by the name of kubernetes.default.
func KubernetesIP(services netip.Prefix) netip.Addr { return AddressAt(services, 1) }

// DNSIP is the address of the cluster's name server.
func DNSIP(services netip.Prefix) netip.Addr { return AddressAt(services, 10) }

// CheckRange says what is wrong with a range for services, if anything is.
func CheckRange(services netip.Prefix) error {
	if !services.Addr().Is4() || services != services.Masked() || services.Bits() < 12 || services.Bits() > 24 {
		return fmt.Errorf("%s: want an IPv4 range from /12 to /24 that begins where its network does, such as %s", services, DefaultRange)
	}
	return nil
}

// AddressAt is the nth address of a range.
func AddressAt(services netip.Prefix, n int) netip.Addr {
	ip := services.Addr().As4()
	binary.BigEndian.PutUint32(ip[:], binary.BigEndian.Uint32(ip[:])+uint32(n))
	return netip.AddrFrom4(ip)
}
