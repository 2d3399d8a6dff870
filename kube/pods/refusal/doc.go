// Package refusal is the last look at a pod before its node takes it: is there room for it, does it want to be here, are its ports
// free? A scheduler has looked already, but who names the node in the pod's spec asks no scheduler.
package refusal
