// Package labcommand has the commands with which a person does labs and exercises from a terminal: kube lab and kube
// exercise. What they do is packages labs' and exercise's.
package labcommand
