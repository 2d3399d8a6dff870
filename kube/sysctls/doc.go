// Package sysctls knows the kernel's parameters (sysctl(8), the files below /proc/sys) that a pod may set for itself.
//
// Most parameters hold for the whole machine: no pod may set one. Some are kept once for each network namespace or for each IPC
// namespace, and a pod has one of either kind to itself, unless it asks for its node's. Of those some are safe: with them a pod changes
// neither another pod nor its node, nor does it get more than its share. The API server takes every name that could be one, since what a node
// allows is the node's own affair. The kubelet refuses a pod that wants one that is not safe, and the runtime, which believes no
// kubelet, one that belongs to no namespace of the pod's. The pod's shim sets them before there is any container.
//
// In Kubernetes a kubelet can be told to allow further ones (--allowed-unsafe-sysctls). Here it cannot.
package sysctls
