//go:build linux

package podnet

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routeProtocol marks the routes that this package made (`ip route` shows "proto 107"), so that it never touches those of others.
// The kernel gives the number no meaning (rtnetlink(7)); 107 is unused in iproute2's table.
const routeProtocol netlink.RouteProtocol = 107

// SyncRoutes gives the node self, whose network namespace the calling thread is in, its routes to the pods of the other nodes. It returns what it
// changed. A node that cannot be reached (it shares no link with this one) is an error, but the others still get their routes.
func SyncRoutes(self string, nodes []Node) ([]RouteStep, error) {
	var done []RouteStep
	err := onOwnThread(func() error {
		links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return fmt.Errorf("open netlink socket: %w", err)
		}
		defer links.Close()
		existing, err := ownRoutes(links)
		if err != nil {
			return err
		}
		var failures []error
		for _, step := range PlanRoutes(self, nodes, existing) {
			if err := changeRoute(links, step); err != nil {
				failures = append(failures, fmt.Errorf("route to pods: %s: %w", step, err))
				continue
			}
			done = append(done, step)
		}
		return errors.Join(failures...)
	})
	return done, err
}

// ownRoutes lists the routes with our mark.
func ownRoutes(links *netlink.Handle) ([]Route, error) {
	found, err := links.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: routeProtocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	var routes []Route
	for _, r := range found {
		via, _ := netip.AddrFromSlice(r.Gw.To4())
		dst, _ := netip.AddrFromSlice(r.Dst.IP.To4())
		bits, _ := r.Dst.Mask.Size()
		routes = append(routes, Route{PodCIDR: netip.PrefixFrom(dst, bits), Via: via})
	}
	return routes, nil
}

func changeRoute(links *netlink.Handle, step RouteStep) error {
	route := &netlink.Route{
		Dst:      ipNet(step.Route.PodCIDR),
		Gw:       step.Route.Via.AsSlice(),
		Protocol: routeProtocol,
	}
	if step.Verb == RemoveRoute {
		if err := links.RouteDel(route); err != nil && !errors.Is(err, unix.ESRCH) { // went with its interface
			return err
		}
		return nil
	}
	return links.RouteReplace(route)
}
