// Package access answers two questions about every request: who asks, and may they?
//
// # The problem
//
// Whoever can write to the API can run any program on any node. So nobody may be believed because of
// where they are in the network: not a node (its pods are other people's programs), not a component,
// not a person.
//
// # The idea
//
// Who: each party holds a key that never leaves it, and a certificate in which the cluster's own
// authority says whose key that is. In a client's certificate the common name is the user and the
// organizations are the groups; there is no list of users anywhere. The API server, etcd and the kubelets
// show certificates too, so that nobody answers in their place. [EnsurePKI] makes the authorities and
// the control plane's certificates; a kubeconfig carries one identity to one component.
//
// etcd has an authority of its own: whoever reaches the store passes by all rules of the API, so being
// known to the cluster must not be enough to be let in there.
//
// May they: [Policy.Authorize] holds the request against what is allowed. For each part of the cluster that is what it declares beside its
// code (package component), and for everybody else what roles and bindings say (package rbac), which users write. What nothing allows is refused.
// One thing is forbidden to every part of the cluster: to step into a container. A kubelet is bound closest, because a node is the likeliest part
// of a cluster to be broken into: it writes only to its own Node, its own Lease and its own pods, reads only the Secrets and ConfigMaps that its pods
// name, each in its namespace, and sets neither its taints nor the labels by which others trust it. What the path of a request does
// not say, the name of a new object for one, is held against the object itself ([Policy.Restrict]). So is what a role or a binding gives away: who
// writes one gives what they have, and no more.
//
// Who may act as another ([Impersonation]) is that other to all of this.
//
// # What is simplified
//
// The keys of all parties are made in one place, by whoever starts the cluster, because all hosts are
// one machine. The rights of the parts of the cluster are compiled in. Real Kubernetes ships them as ClusterRoles that
// an administrator can change, keeps the graph of what a node's pods name up to date instead of asking for it
// (the Node authorizer), and knows more ways to say who one is: OpenID Connect, webhooks, proxies.
//
// Chapter 24 is about this room.
package access
