// Package serviceaccounts gives each namespace what the programs in its pods need to know who they are, and whom they talk to.
//
// A person proves who they are with a certificate or a password. A program in a pod is started by the cluster, so the
// cluster must give it an identity: a ServiceAccount. A pod that names none has its namespace's account "default".
// And before a program sends its token to an API server, it must be sure that this is the right one: for that, it
// checks the server's certificate against the cluster's certificate authority.
//
// So two objects belong to every namespace, from its first moment to its end:
//
//   - the ServiceAccount default, an identity without rights;
//   - the ConfigMap kube-root-ca.crt, the authority's certificate under the key ca.crt.
//
// A loop keeps it so. [Plan] compares what a namespace has with what belongs there: what is missing is created, a changed
// certificate is put back. A namespace that is being deleted gets nothing, or it would never be empty.
//
// # What is simplified
//
// Kubernetes has a loop for each of the two objects. How a program proves that it is its account is told in package access/tokens: the kubelet
// puts the token into each container beside the certificate (podkind says where). What the account may do, roles and bindings say (package access/rbac).
package serviceaccounts
