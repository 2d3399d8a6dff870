// Package terminal opens shells for the lab site: those of the person who started the cluster, not root's, wherever the
// two differ.
//
// The site runs as root, because it looks into other processes' namespaces. A browser needs none of that, so a shell gets the
// person's user, groups and home, and of the cluster a kubeconfig of its own that nobody else reads. It is a shell like
// any other of this person: with sudo, for who may use it. So the machine is the boundary, and not the shell.
package terminal
