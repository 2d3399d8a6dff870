package deployments

import (
	"fmt"
	"math"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The reasons of the conditions, as kubectl and pipelines know them.
const (
	reasonCreated     = "NewReplicaSetCreated"
	reasonFound       = "FoundNewReplicaSet"
	reasonUpdated     = "ReplicaSetUpdated"
	reasonDone        = "NewReplicaSetAvailable"
	reasonTimedOut    = "ProgressDeadlineExceeded"
	reasonPaused      = "DeploymentPaused"
	reasonResumed     = "DeploymentResumed"
	reasonAvailable   = "MinimumReplicasAvailable"
	reasonUnavailable = "MinimumReplicasUnavailable"
)

// count adds up what the ReplicaSets report.
func (r *rollout) count() appsv1.DeploymentStatus {
	s := appsv1.DeploymentStatus{
		ObservedGeneration: r.Generation, CollisionCount: r.Status.CollisionCount,
		Conditions: slices.Clone(r.Status.Conditions), UpdatedReplicas: r.current.Status.Replicas,
	}
	var wanted, ending int32
	for _, set := range r.all() {
		s.Replicas += set.Status.Replicas
		s.ReadyReplicas += set.Status.ReadyReplicas
		s.AvailableReplicas += set.Status.AvailableReplicas
		wanted += *set.Spec.Replicas
		ending += terminating(set.Status)
	}
	s.UnavailableReplicas = max(wanted-s.AvailableReplicas, 0)
	s.TerminatingReplicas = &ending
	return s
}

// complete says whether the current version has replaced all others.
func (r *rollout) complete(s appsv1.DeploymentStatus) bool {
	wanted := *r.Spec.Replicas
	return s.UpdatedReplicas == wanted && s.Replicas == wanted && s.AvailableReplicas == wanted
}

// began says why a rollout begins with this step, as the reason of a condition. It is empty if none does.
func (r *rollout) began(plan Plan) string {
	switch {
	case plan.Create:
		return reasonCreated
	case revisionOf(r.current) < plan.Revision:
		return reasonFound
	}
	return ""
}

// report is the status, and how long until the progress deadline if one is running.
func (r *rollout) report(began string, now time.Time) (appsv1.DeploymentStatus, time.Duration) {
	s := r.count()
	_, unavailable := r.bounds()
	if s.AvailableReplicas >= *r.Spec.Replicas-unavailable {
		setCondition(&s, appsv1.DeploymentAvailable, corev1.ConditionTrue, reasonAvailable, "Deployment has minimum availability.", now)
	} else {
		setCondition(&s, appsv1.DeploymentAvailable, corev1.ConditionFalse, reasonUnavailable, "Deployment does not have minimum availability.", now)
	}
	r.reportFailure(&s, now)
	deadline := time.Duration(*r.Spec.ProgressDeadlineSeconds) * time.Second
	if *r.Spec.ProgressDeadlineSeconds == math.MaxInt32 { // which means: none
		s.Conditions = slices.DeleteFunc(s.Conditions, is(appsv1.DeploymentProgressing))
		return s, 0
	}
	r.reportProgress(&s, began, deadline, now)
	progress := condition(s, appsv1.DeploymentProgressing)
	if r.Spec.Paused || progress == nil || progress.Reason == reasonDone || progress.Reason == reasonTimedOut {
		return s, 0
	}
	// Times are stored in whole seconds: look again in the second after.
	return s, progress.LastUpdateTime.Add(deadline + time.Second).Sub(now)
}

// reportProgress keeps the condition Progressing. Its update time is that of the last step forward.
func (r *rollout) reportProgress(s *appsv1.DeploymentStatus, began string, deadline time.Duration, now time.Time) {
	before := condition(*s, appsv1.DeploymentProgressing)
	report := func(status corev1.ConditionStatus, reason, format string) {
		message := format
		if status != corev1.ConditionUnknown {
			message = fmt.Sprintf(format, r.current.Name)
		}
		setCondition(s, appsv1.DeploymentProgressing, status, reason, message, now)
	}
	switch {
	case r.Spec.Paused:
		if before == nil || before.Reason != reasonTimedOut {
			report(corev1.ConditionUnknown, reasonPaused, "Deployment is paused")
		}
	case before != nil && before.Reason == reasonPaused:
		report(corev1.ConditionUnknown, reasonResumed, "Deployment is resumed")
	case began == reasonCreated:
		report(corev1.ConditionTrue, reasonCreated, "Created new replica set %q")
	case began == reasonFound:
		report(corev1.ConditionTrue, reasonFound, "Found new replica set %q")
	case before != nil && before.Reason == reasonDone && s.Replicas == s.UpdatedReplicas:
		// It was done; that a pod fails now and then does not undo that.
	case r.complete(*s):
		report(corev1.ConditionTrue, reasonDone, "ReplicaSet %q has successfully progressed.")
	case movedOn(r.Status, *s):
		report(corev1.ConditionTrue, reasonUpdated, "ReplicaSet %q is progressing.")
		condition(*s, appsv1.DeploymentProgressing).LastUpdateTime = metav1.NewTime(now)
	case before != nil && before.Reason != reasonDone && before.LastUpdateTime.Add(deadline).Before(now):
		report(corev1.ConditionFalse, reasonTimedOut, "ReplicaSet %q has timed out progressing.")
	}
}

// movedOn: more pods of the current version, fewer of the others, more ready, or more available.
func movedOn(before, after appsv1.DeploymentStatus) bool {
	return after.UpdatedReplicas > before.UpdatedReplicas ||
		after.Replicas-after.UpdatedReplicas < before.Replicas-before.UpdatedReplicas ||
		after.ReadyReplicas > before.ReadyReplicas ||
		after.AvailableReplicas > before.AvailableReplicas
}

// reportFailure passes on that a ReplicaSet cannot create its pods; the current one's word counts first.
func (r *rollout) reportFailure(s *appsv1.DeploymentStatus, now time.Time) {
	all := r.all()
	slices.Reverse(all)
	for _, rs := range all {
		for _, c := range rs.Status.Conditions {
			if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
				setCondition(s, appsv1.DeploymentReplicaFailure, c.Status, c.Reason, c.Message, now)
				return
			}
		}
	}
	s.Conditions = slices.DeleteFunc(s.Conditions, is(appsv1.DeploymentReplicaFailure))
}

func is(kind appsv1.DeploymentConditionType) func(appsv1.DeploymentCondition) bool {
	return func(c appsv1.DeploymentCondition) bool { return c.Type == kind }
}

func condition(s appsv1.DeploymentStatus, kind appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	if i := slices.IndexFunc(s.Conditions, is(kind)); i >= 0 {
		return &s.Conditions[i]
	}
	return nil
}

// setCondition replaces a condition. With the same status and reason it is no news, and the old one stays.
func setCondition(s *appsv1.DeploymentStatus, kind appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason, message string, now time.Time) {
	c := appsv1.DeploymentCondition{
		Type: kind, Status: status, Reason: reason, Message: message,
		LastUpdateTime: metav1.NewTime(now), LastTransitionTime: metav1.NewTime(now),
	}
	if before := condition(*s, kind); before != nil {
		if before.Status == status && before.Reason == reason {
			return
		}
		if before.Status == status {
			c.LastTransitionTime = before.LastTransitionTime
		}
	}
	s.Conditions = append(slices.DeleteFunc(s.Conditions, is(kind)), c)
}
