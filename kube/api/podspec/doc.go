// Package podspec is what a pod's spec says, wherever it stands: in a pod or in the template of a kind that makes pods.
//
// Which containers a pod has, in which order and by which rule each is restarted, is asked of [Members]; which other objects it names, and where, of
// [References]. Nobody else goes through the lists of a spec. The rest is defaulting, validation, and the warnings that kubectl
// prints. What kubelab cannot do yet is refused: notyet.go.
package podspec
