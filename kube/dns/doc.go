// Package dns answers for the names of services and pods.
//
// # The problem
//
// A service has an address of its own that stays the same (package services), but the address is
// chosen when the service is made. A program cannot have it in its configuration, and a person does not
// want to. Both want to say "web".
//
// # The idea
//
// DNS is there, and every program speaks it. So the cluster has a zone of its own, and everything in it
// follows from services and their endpoint slices by fixed rules:
//
//	web.shop.svc.cluster.local              A    10.96.3.7    the service's address
//	db.shop.svc.cluster.local               A    10.244.1.6   a headless service: its ready pods,
//	                                        A    10.244.2.6   and a client chooses for itself
//	db-0.db.shop.svc.cluster.local          A    10.244.1.6   one pod of it, by its hostname
//	_http._tcp.web.shop.svc.cluster.local   SRV  80 web…      a named port
//	alias.shop.svc.cluster.local            CNAME             what an ExternalName service stands for
//	10-244-1-5.shop.pod.cluster.local       A    10.244.1.5   any pod
//	7.3.96.10.in-addr.arpa                  PTR  web.shop…    and back
//
// A pod reaches "web" because the kubelet writes search domains into its /etc/resolv.conf: a name with few dots is
// tried with shop.svc.cluster.local behind it first. All other names are handed to an upstream server.
//
// [Plan] makes an answer out of a question and the state of the cluster. There is no zone in memory: a
// question concerns one service, so its records are made when somebody asks. Two ways of having
// no answer must be told apart, and resolvers rely on it: NXDOMAIN (there is no such name, nor any
// below it) and NODATA (the name exists, but has no record of this type, as when IPv6 is asked for).
//
// # Where it runs
//
// On every node, in one process each, and all have the same address: [Own] gives it to the node's loopback interface, so that
// a pod's question ends on the pod's own node. There is no single server to lose, and no hop to take.
// A server whose API server has gone goes on with what it knows.
//
// # What is simplified
//
// Real Kubernetes runs CoreDNS as a Deployment of two pods behind a service, and an optional cache on each node
// (NodeLocal DNSCache), which is the form that this one has. CoreDNS is a chain of plugins (kubernetes, forward, cache, …)
// that can serve other zones too. Here a namespace has a name as soon as it has a service. Left out: a cache of upstream answers, IPv6, zone transfer, and checking that a
// pod with the address in a pod's name exists (CoreDNS calls that "pods verified").
//
// The rules are those of https://github.com/kubernetes/dns/blob/master/docs/specification.md, version 1.1.0.
//
// Chapter 13 is about names.
package dns
