// Package replicasets keeps a number of equal pods running.
//
// # The problem
//
// A pod is mortal: its node dies, somebody deletes it, memory runs out. Whoever wants three web servers wants three
// tomorrow as well, and does not want to watch them.
//
// # The idea
//
// A ReplicaSet says how many (replicas), which ones count (selector), and what a new one looks like (template). Its loop
// compares that with the pods that are there ([Decide]):
//
//   - too few: create what is missing, from the template;
//   - too many: delete the surplus, the least useful first. A pod that does not serve yet is missed by nobody; of those that
//     serve, one goes from the node that has the most of them ([Removal] says why it was this one).
//
// It does not matter why there are too few. A deleted pod, a dead node and a larger number typed by a person all
// look the same to the loop, so one piece of code handles all of them.
//
// Which pods are its own does not follow from a name, nor from labels alone, since the selectors of two ReplicaSets may
// overlap: each pod names its controller in metadata.ownerReferences. Labels decide what may *become* its own: a pod that
// matches and has no controller is adopted; one that no longer matches is released (and replaced). So a person can take a misbehaving
// pod out of service for study by changing a label.
//
// # Seeing one's own writes
//
// A watch lags behind. A loop that has just created three pods and looks at its watch again may see none of them, and must
// not create three more. Real Kubernetes counts "expectations" (so many creations to come) and waits for
// them. Here the loop's picture is the watch's plus what the loop did since ([kubelab/kube/operator.Owned]).
//
// # What is simplified
//
// When upstream scales down it also looks at pods of other ReplicaSets of the same Deployment on the node, and takes ready times by
// order of magnitude, to spread the loss; here only the ReplicaSet's own pods count, and times as they are.
// Pods of a ReplicaSet that was deleted are the garbage collector's work.
//
// Chapter 16 is about ReplicaSets.
package replicasets
