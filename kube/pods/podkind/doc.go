// Package podkind is the Pod as an object of the API: its defaults, who may make and change what of it, what its row in a table
// says. What every pod template has in common is in package podspec; what a node makes of a pod, in package pods.
package podkind
