// Package serve is the one matter in which a kubelet is a server: logs, exec, attach and port-forward lead into the containers of its node.
//
// Only the API server is let in, which has asked who wants that and whether he may. What goes both ways for long is not
// the kubelet's: it asks the runtime for a place to connect to, and passes the bytes on, whatever protocol the two ends speak. Logs it
// reads itself, as they are files on its node, and it keeps them from filling the disk.
//
// A real kubelet also serves measurements (/stats, /metrics) and a checkpoint of a container.
package serve
