package cluster

import (
	"fmt"
	"net/netip"
)

// AddNode adds a node with the next free name and address, and returns it.
func (s *Spec) AddNode(cpu int, memory int64) Host {
	number := 1
	for s.Host(fmt.Sprintf("node-%d", number)) != nil {
		number++
	}
	host := Host{
		Name: fmt.Sprintf("node-%d", number), Role: Node, Address: address(s.Network, firstNode+number-1),
		CPU: cpu, Memory: memory,
	}
	s.Hosts = append(s.Hosts, host)
	return host
}

// Move gives the cluster another network. Every host keeps its last byte.
func (s *Spec) Move(network netip.Prefix) {
	s.Network = network
	for i, host := range s.Hosts {
		s.Hosts[i].Address = address(network, int(host.Address.As4()[3]))
	}
}
