package reviews

import (
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/access"
	"kubelab/kube/api"
)

// Kinds are the reviews that are answered.
var Kinds = []api.Kind{
	api.Type[*authorizationv1.SelfSubjectAccessReview]{Names: api.Names{Plural: "selfsubjectaccessreviews", Unstored: true}}.Kind(),
	api.Type[*authorizationv1.SelfSubjectRulesReview]{Names: api.Names{Plural: "selfsubjectrulesreviews", Unstored: true}}.Kind(),
	api.Type[*authenticationv1.TokenReview]{Names: api.Names{Plural: "tokenreviews", Unstored: true}}.Kind(),
	api.Type[*authenticationv1.SelfSubjectReview]{Names: api.Names{Plural: "selfsubjectreviews", Unstored: true}}.Kind(),
}

// Sender is who asks.
type Sender struct {
	Name   string
	Groups []string
	UID    string
	Extra  map[string]authenticationv1.ExtraValue
}

// Answer fills in the answer to a review. The error, a Status, says what is wrong with the question.
func Answer(policy *access.Policy, relations access.Relations, sender Sender, object api.Object) error {
	switch review := object.(type) {
	case *authorizationv1.SelfSubjectAccessReview:
		return sender.may(policy, relations, review)
	case *authorizationv1.SelfSubjectRulesReview:
		review.Status = sender.rules(policy, review.Spec.Namespace)
	case *authenticationv1.SelfSubjectReview:
		review.Status.UserInfo = authenticationv1.UserInfo{Username: sender.Name, UID: sender.UID, Groups: sender.Groups, Extra: sender.Extra}
	}
	return nil
}

// may asks for the sender what its own request would be asked.
func (s Sender) may(policy *access.Policy, relations access.Relations, review *authorizationv1.SelfSubjectAccessReview) error {
	asked := access.Request{User: s.Name, Groups: s.Groups, Relations: relations}
	switch what, path := review.Spec.ResourceAttributes, review.Spec.NonResourceAttributes; {
	case (what == nil) == (path == nil):
		return apierrors.NewBadRequest("spec: Invalid value: exactly one of resourceAttributes and nonResourceAttributes must be given")
	case what != nil:
		if problems := validateSelectors(what, field.NewPath("spec", "resourceAttributes")); len(problems) > 0 {
			return apierrors.NewInvalid(authorizationv1.SchemeGroupVersion.WithKind("SelfSubjectAccessReview").GroupKind(), "", problems)
		}
		asked.Verb, asked.Group, asked.Resource, asked.Subresource = what.Verb, what.Group, what.Resource, what.Subresource
		asked.Namespace, asked.Name = what.Namespace, what.Name
		if what.FieldSelector != nil && what.Name == "" && slices.Contains(access.SelectingVerbs, what.Verb) {
			asked.Name, asked.NodeName = exactly(what.FieldSelector, "metadata.name"), exactly(what.FieldSelector, "spec.nodeName")
		}
	default:
		asked.Verb, asked.Path = path.Verb, path.Path
	}
	review.Status.Allowed, review.Status.Reason = policy.Authorize(asked)
	return nil
}

// rules are those that go for the sender in a namespace.
func (s Sender) rules(policy *access.Policy, namespace string) authorizationv1.SubjectRulesReviewStatus {
	status := authorizationv1.SubjectRulesReviewStatus{
		ResourceRules: []authorizationv1.ResourceRule{}, NonResourceRules: []authorizationv1.NonResourceRule{},
	}
	for _, rule := range policy.Rules(s.Name, s.Groups, namespace) {
		if len(rule.NonResourceURLs) > 0 {
			status.NonResourceRules = append(status.NonResourceRules, authorizationv1.NonResourceRule{Verbs: rule.Verbs, NonResourceURLs: rule.NonResourceURLs})
		} else {
			status.ResourceRules = append(status.ResourceRules, authorizationv1.ResourceRule{
				Verbs: rule.Verbs, APIGroups: rule.APIGroups, Resources: rule.Resources, ResourceNames: rule.ResourceNames})
		}
	}
	return status
}
