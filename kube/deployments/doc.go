// Package deployments replaces the pods of a program by those of its next version, without a gap.
//
// # The problem
//
// A ReplicaSet keeps equal pods running; a pod's image cannot be changed in place in a way that all replicas follow. Stopping all
// pods and starting new ones is a gap in service, and when the new version does not start, a long one.
//
// # The idea
//
// One ReplicaSet per version. The Deployment's loop creates the ReplicaSet of its current template and moves replicas from the old
// ones to it, in steps that are always safe ([Decide]):
//
//   - never more than replicas + maxSurge pods are wanted in all, so the cluster is not overrun;
//   - never fewer than replicas - maxUnavailable pods are available, so the service is not starved.
//
// Everything follows from these two lines. A version that never becomes ready uses up what may be
// unavailable, and the rollout stops there by itself, with the old pods still serving. The loop does not remember in which step it
// is: it computes the next step from the sizes that it sees, so it can be killed between any two.
//
// The name of a version's ReplicaSet ends in a hash of the template, and its pods carry the same as the label
// pod-template-hash. The same template always finds the same ReplicaSet: going back to a version ("kubectl rollout
// undo") is a rollout like any other, to a ReplicaSet that is there already. Old ones stay at size zero for that, as many as
// revisionHistoryLimit allows. kubectl knows their order by the annotation deployment.kubernetes.io/revision.
//
// Scaling in the middle of a rollout is spread over all versions in proportion, so that a version which does not work gets
// no more weight than it had.
//
// # Is it done? Is it stuck?
//
// The condition Progressing answers. Each step forward renews its time; when none comes for progressDeadlineSeconds it
// turns false. The loop only reports that: what to do is for people, or a pipeline that waits in "kubectl rollout status".
//
// # What is simplified
//
// Upstream reconsiders after each write; here a turn grows the new ReplicaSet and shrinks the old ones at once, within the
// same two bounds. With Recreate the new ReplicaSet is created at once, with no pods until the old ones are gone. A ReplicaSet that no longer
// matches the selector is not released, only ignored. A ReplicaSet that cannot be created (a quota) is in the log, not in the conditions.
//
// Chapter 17 is about Deployments.
package deployments
