// Kube-bench measures a Kubernetes from outside: it is a client like any other, takes a kubeconfig, and so measures any
// Kubernetes by the same yardstick. Of a kubelab cluster on this machine (--cluster) it also reports what each component costs
// in memory and CPU, and where the time of a pod's start goes.
//
// Each measure is bounded in count and time and deletes what it made; all of it is in the namespace kubelab-bench. A figure
// is the minimum, median and 99th percentile of its samples: minima are steady on a machine that others use too.
//
// docs/performance.md explains each figure.
package main
