// Package pullsecrets finds the credentials with which a pod's images are pulled.
//
// A private image is one that its registry gives only to who can name a user and a password. They stand in a Secret of the pod's namespace, in the
// words of Docker's config.json, which names a registry for each. The pod names the Secret (imagePullSecrets), or its ServiceAccount does. The kubelet
// hands to its runtime what fits the image, with the call to pull it, and nowhere else: no step, log or event tells of it.
//
// An entry may be for a part of a registry, or for many: see [Plan].
//
// # What is simplified
//
// Upstream's kubelet also takes credentials from a file of the node and from programs that it starts (credential providers). An image that is on the node is
// there for all of its pods, whoever could pull it: a pod with pull policy Always asks the registry each time, and so do the pods whose namespace has upstream's
// admission plugin AlwaysPullImages, which kubelab does not have. Upstream can also remember with whose credentials an image came (KEP-2535).
package pullsecrets
