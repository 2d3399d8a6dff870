//go:build linux

package services

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const webAddress = "10.96.3.7:80"

func TestTwentyEndpointsAreReachedEvenly(t *testing.T) {
	l := newLab(t)
	l.startProxy()
	var endpoints []discoveryv1.Endpoint
	for i := range 20 {
		endpoints = append(endpoints, l.pod(fmt.Sprintf("web-%d", i)).endpoint())
	}
	client := l.pod("client")
	l.store(web(), endpoints...)
	l.loaded("10.96.3.7:80 → 20 endpoints")

	const rounds = 1000
	count := map[string]int{}
	for range rounds {
		answer, err := ask(client.netns, "tcp", webAddress)
		must(t, err)
		count[strings.Fields(answer)[0]]++
	}
	check(t, "endpoints reached", len(count), 20)
	// Each count is binomial with p = 1/20: mean 50, standard deviation 6.9. Six deviations are not left by chance.
	for name, n := range count {
		if math.Abs(float64(n)-rounds/20) > 42 {
			t.Errorf("%s was chosen %d of %d times: %v", name, n, rounds, count)
		}
	}
}

func TestAServiceIsReachedFromPodsOnTheSameNodeAndFromTheNodeAndOnOtherNodes(t *testing.T) {
	l := newLab(t)
	l.startProxy()
	client, near := l.pod("client"), l.pod("near")
	serve(t, l.farPod, "10.244.2.5", "far")
	for _, c := range []struct {
		what, from string
		to         discoveryv1.Endpoint
		want       string
	}{
		{"pod to pod on the same node", client.netns, near.endpoint(), "near sees " + client.ip},
		{"pod to pod on another node", client.netns, at("10.244.2.5", "node-2", "ready"), "far sees " + client.ip},
		{"node to pod on the same node", "", near.endpoint(), "near sees 172.30.0.11"},
		{"node to pod on another node", "", at("10.244.2.5", "node-2", "ready"), "far sees 172.30.0.11"},
	} {
		l.store(web(), c.to)
		waitFor(t, c.what, func() bool {
			answer, _ := ask(c.from, "tcp", webAddress)
			return answer == c.want
		})
	}
}

func TestAPodReachesItselfThroughItsOwnService(t *testing.T) {
	l := newLab(t)
	l.startProxy()
	web0 := l.pod("web-0")
	l.store(web(), web0.endpoint())
	l.loaded("10.96.3.7:80 → 1 endpoint")
	answer, err := ask(web0.netns, "tcp", webAddress)
	must(t, err)
	check(t, "answer", answer, "web-0 sees 10.244.1.1") // the node stands in for the sender

	// The node told it of no shorter way: redirects would use up the one ICMP message a second that the kernel sends to a client.
	if _, err := ask(web0.netns, "udp", "10.96.3.9:80"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("an address of no service: got %v, want a refusal", err)
	}
}

func TestAServiceWithoutEndpointsRefusesAtOnce(t *testing.T) {
	l := newLab(t)
	l.startProxy()
	client := l.pod("client")
	l.store(web(), at("10.244.2.9", "node-2", "starting"))
	l.loaded("10.96.3.7:80 → 0 endpoints")
	for what, netns := range map[string]string{"from a pod": client.netns, "from the node": ""} {
		for _, protocol := range []string{"tcp", "udp"} {
			start := time.Now()
			_, err := ask(netns, protocol, webAddress)
			if protocol == "udp" && errors.Is(err, os.ErrDeadlineExceeded) { // so many refusals a second the kernel sends, for all of the machine
				start = time.Now()
				_, err = ask(netns, protocol, webAddress)
			}
			// The kernel tells a process of its own by EPERM that it does not even send the datagram.
			if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.EPERM) {
				t.Errorf("%s by %s: got %v, want a refusal", what, protocol, err)
			}
			if took := time.Since(start); took > 500*time.Millisecond {
				t.Errorf("%s by %s: it took %s", what, protocol, took)
			}
		}
	}
}

func TestANodePortIsReachedFromOutside(t *testing.T) {
	l := newLab(t)
	l.startProxy()
	near := l.pod("near")
	serve(t, l.farPod, "10.244.2.5", "far")
	const address = "172.30.0.11:30080"

	l.store(web(nodePort), near.endpoint())
	l.loaded("10.96.3.7:80 → 1 endpoint, 172.30.0.11:30080 → 1 endpoint")
	answer, err := ask(l.outside, "tcp", address)
	must(t, err)
	check(t, "a pod of this node", answer, "near sees 172.30.0.1") // its answer comes by here anyway

	l.store(web(nodePort), at("10.244.2.5", "node-2", "ready"))
	waitFor(t, "a pod of another node, which sees the node that was asked", func() bool {
		answer, err = ask(l.outside, "tcp", address)
		return answer == "far sees 172.30.0.11"
	})
	answer, err = ask("", "tcp", address)
	must(t, err)
	check(t, "from the node itself", answer, "far sees 172.30.0.11")

	l.store(web(nodePort, localOutside), at("10.244.2.5", "node-2", "ready"))
	l.loaded("10.96.3.7:80 → 1 endpoint, 172.30.0.11:30080 → 0 endpoints")
	if _, err := ask(l.outside, "tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("local policy, no pod on this node: got %v, want a refusal", err)
	}
}

func TestWithClientAffinityAClientStaysWithOneEndpoint(t *testing.T) {
	l := newLab(t)
	l.startProxy()
	var endpoints []discoveryv1.Endpoint
	for i := range 5 {
		endpoints = append(endpoints, l.pod(fmt.Sprintf("web-%d", i)).endpoint())
	}
	l.store(web(sticky), endpoints...)
	l.loaded("10.96.3.7:80 → 5 endpoints")
	chosen := map[string]bool{}
	for i := range 12 {
		client := l.pod(fmt.Sprintf("client-%d", i))
		first, err := ask(client.netns, "tcp", webAddress)
		must(t, err)
		chosen[first] = true
		for range 10 {
			answer, err := ask(client.netns, "tcp", webAddress)
			must(t, err)
			check(t, "another connection of "+client.ip, answer, first)
		}
	}
	if len(chosen) < 3 {
		t.Errorf("12 clients were spread over %d of 5 endpoints", len(chosen))
	}
}

func TestAnEndpointThatGoesGetsNoNewConnectionsAndKeepsItsOldOnes(t *testing.T) {
	l := newLab(t)
	l.startProxy()
	client, stays, goes := l.pod("client"), l.pod("stays"), l.pod("goes")
	l.store(web(), goes.endpoint())
	l.loaded("10.96.3.7:80 → 1 endpoint")
	old, err := dial(client.netns, "tcp", webAddress)
	must(t, err)
	defer old.Close()
	answer, err := exchange(old)
	must(t, err)
	check(t, "before", answer, "goes sees "+client.ip)

	l.store(web(), stays.endpoint())
	waitFor(t, "the other endpoint", func() bool {
		answer, _ := ask(client.netns, "tcp", webAddress)
		return answer == "stays sees "+client.ip
	})
	for range 20 {
		answer, err := ask(client.netns, "tcp", webAddress)
		must(t, err)
		check(t, "a new connection", answer, "stays sees "+client.ip)
	}
	_, err = fmt.Fprintln(old, "still there?")
	must(t, err)
	answer, err = exchange(old)
	must(t, err)
	check(t, "the old connection", answer, "still there?")
}

func TestAUDPClientIsTakenFromAnEndpointThatGoes(t *testing.T) {
	l := newLab(t)
	l.startProxy()
	client, stays, goes := l.pod("client"), l.pod("stays"), l.pod("goes")
	l.store(web(nameServer), goes.endpoint())
	l.loaded("10.96.3.7:80 → 1 endpoint")
	socket, err := dial(client.netns, "udp", webAddress) // one socket, one port: to the kernel, one connection
	must(t, err)
	defer socket.Close()
	answer, err := exchange(socket)
	must(t, err)
	check(t, "before", answer, "goes sees "+client.ip)

	l.store(web(nameServer), stays.endpoint())
	waitFor(t, "an answer of the other endpoint", func() bool {
		answer, err := exchange(socket)
		return err == nil && answer == "stays sees "+client.ip
	})
}

func TestConnectionsOutliveTheProxyAndItsRestart(t *testing.T) {
	l := newLab(t)
	stop := l.startProxy()
	client, web0, web1 := l.pod("client"), l.pod("web-0"), l.pod("web-1")
	l.store(web(), web0.endpoint())
	l.loaded("10.96.3.7:80 → 1 endpoint")
	old, err := dial(client.netns, "tcp", webAddress)
	must(t, err)
	defer old.Close()
	_, err = exchange(old)
	must(t, err)

	stop()
	answer, err := ask(client.netns, "tcp", webAddress)
	must(t, err)
	check(t, "a new connection without a proxy", answer, "web-0 sees "+client.ip)

	l.store(web(), web1.endpoint()) // while nobody looks
	l.startProxy()
	l.loaded("10.96.3.7:80 → 1 endpoint")
	answer, err = ask(client.netns, "tcp", webAddress)
	must(t, err)
	check(t, "a new connection after the restart", answer, "web-1 sees "+client.ip)
	_, err = fmt.Fprintln(old, "still there?")
	must(t, err)
	answer, err = exchange(old)
	must(t, err)
	check(t, "the old connection", answer, "still there?")
}

func TestADeletedServiceIsForgotten(t *testing.T) {
	l := newLab(t)
	l.startProxy()
	client, web0 := l.pod("client"), l.pod("web-0")
	l.store(web(), web0.endpoint())
	l.loaded("10.96.3.7:80 → 1 endpoint")
	must(t, l.clients.CoreV1().Services("shop").Delete(t.Context(), "web", metav1.DeleteOptions{}))
	l.loaded("no rules")
	if _, err := ask(client.netns, "tcp", webAddress); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestWhatSomebodyElseDidToTheTableIsRepairedWithTheNextChange(t *testing.T) {
	l := newLab(t)
	l.startProxy()
	client, web0, web1 := l.pod("client"), l.pod("web-0"), l.pod("web-1")
	l.store(web(), web0.endpoint())
	l.loaded("10.96.3.7:80 → 1 endpoint")
	l.flushTable()
	l.store(web(), web1.endpoint())
	waitFor(t, "the table to be whole again", func() bool {
		answer, _ := ask(client.netns, "tcp", webAddress)
		return answer == "web-1 sees "+client.ip
	})
}
