package reviews

import (
	"fmt"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/access"
	"kubelab/kube/api"
)

// Kinds are the reviews that are answered.
var Kinds = []api.Kind{
	api.Type[*authorizationv1.SelfSubjectAccessReview]{Names: api.Names{Plural: "selfsubjectaccessreviews", Unstored: true}}.Kind(),
	api.Type[*authorizationv1.SubjectAccessReview]{Names: api.Names{Plural: "subjectaccessreviews", Unstored: true}}.Kind(),
	api.Type[*authorizationv1.LocalSubjectAccessReview]{Names: api.Names{Plural: "localsubjectaccessreviews", Namespaced: true, Unstored: true}}.Kind(),
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

// Answer fills in the answer to a review. by is the request that brings it: who asks, and what the server knows. The error, a Status, says what is
// wrong with the question.
func Answer(policy *access.Policy, by access.Request, sender Sender, object api.Object) (err error) {
	self := access.Request{Relations: by.Relations, Roles: by.Roles}
	self.User, self.Groups = sender.Name, sender.Groups
	switch review := object.(type) {
	case *authorizationv1.SelfSubjectAccessReview:
		if err := unnamed("SelfSubjectAccessReview", review.ObjectMeta); err != nil {
			return err
		}
		is := question{"SelfSubjectAccessReview", review.Spec.ResourceAttributes, review.Spec.NonResourceAttributes}
		review.Status, err = is.answer(policy, self)
	case *authorizationv1.SubjectAccessReview:
		if err := unnamed("SubjectAccessReview", review.ObjectMeta); err != nil {
			return err
		}
		review.Status, err = ofAnother("SubjectAccessReview", policy, self, review.Spec)
	case *authorizationv1.LocalSubjectAccessReview:
		if err := checkLocal(review, by.Namespace); err != nil {
			return err
		}
		review.Status, err = ofAnother("LocalSubjectAccessReview", policy, self, review.Spec)
	case *authorizationv1.SelfSubjectRulesReview:
		if review.Spec.Namespace == "" {
			return apierrors.NewBadRequest("no namespace on request")
		}
		review.Status = rules(policy, self, review.Spec.Namespace)
	case *authenticationv1.SelfSubjectReview:
		review.Status.UserInfo = authenticationv1.UserInfo{Username: sender.Name, UID: sender.UID, Groups: sender.Groups, Extra: sender.Extra}
	}
	return err
}

// ofAnother is the answer to what somebody may who does not ask.
func ofAnother(kind string, policy *access.Policy, asked access.Request, spec authorizationv1.SubjectAccessReviewSpec) (authorizationv1.SubjectAccessReviewStatus, error) {
	if spec.User == "" && len(spec.Groups) == 0 {
		wrong := field.Invalid(field.NewPath("spec", "user"), spec.User, "at least one of user or group must be specified")
		return authorizationv1.SubjectAccessReviewStatus{}, invalid(kind, field.ErrorList{wrong})
	}
	asked.User, asked.Groups = spec.User, spec.Groups
	return question{kind, spec.ResourceAttributes, spec.NonResourceAttributes}.answer(policy, asked)
}

// unnamed: a question of access is answered, and not kept, so that there is nothing to name or to mark.
func unnamed(kind string, metadata metav1.ObjectMeta) error {
	if given := (metav1.ObjectMeta{ManagedFields: metadata.ManagedFields}); !equality.Semantic.DeepEqual(given, metadata) {
		return invalid(kind, field.ErrorList{field.Invalid(field.NewPath("metadata"), metadata, "must be empty")})
	}
	return nil
}

// checkLocal: who may ask in one namespace only, asks about that one.
func checkLocal(review *authorizationv1.LocalSubjectAccessReview, namespace string) error {
	var problems field.ErrorList
	at := field.NewPath("spec")
	if given := (metav1.ObjectMeta{Namespace: review.Namespace, ManagedFields: review.ManagedFields}); !equality.Semantic.DeepEqual(given, review.ObjectMeta) {
		problems = append(problems, field.Invalid(field.NewPath("metadata"), review.ObjectMeta, "must be empty except for namespace"))
	}
	switch what := review.Spec.ResourceAttributes; {
	case review.Spec.NonResourceAttributes != nil:
		problems = append(problems, field.Invalid(at.Child("nonResourceAttributes"), review.Spec.NonResourceAttributes, "disallowed on this kind of request"))
	case what != nil && what.Namespace != namespace:
		problems = append(problems, field.Invalid(at.Child("resourceAttributes", "namespace"), what.Namespace, fmt.Sprintf("must match metadata.namespace: %s", namespace)))
	}
	return invalid("LocalSubjectAccessReview", problems)
}

func invalid(kind string, problems field.ErrorList) error {
	if len(problems) == 0 {
		return nil
	}
	return apierrors.NewInvalid(authorizationv1.SchemeGroupVersion.WithKind(kind).GroupKind(), "", problems)
}

// A question is whether something may be done to a resource, or to a path.
type question struct {
	kind     string // of the review
	resource *authorizationv1.ResourceAttributes
	path     *authorizationv1.NonResourceAttributes
}

// answer is what the request would be told that is asked about.
func (q question) answer(policy *access.Policy, asked access.Request) (status authorizationv1.SubjectAccessReviewStatus, err error) {
	switch what := q.resource; {
	case (what == nil) == (q.path == nil):
		return status, apierrors.NewBadRequest("spec: Invalid value: exactly one of resourceAttributes and nonResourceAttributes must be given")
	case what != nil:
		if err := invalid(q.kind, validateSelectors(what, field.NewPath("spec", "resourceAttributes"))); err != nil {
			return status, err
		}
		asked.Verb, asked.Group, asked.Resource, asked.Subresource = what.Verb, what.Group, what.Resource, what.Subresource
		asked.Namespace, asked.Name = what.Namespace, what.Name
		if what.FieldSelector != nil && what.Name == "" && slices.Contains(access.SelectingVerbs, what.Verb) {
			asked.Name, asked.NodeName = exactly(what.FieldSelector, "metadata.name"), exactly(what.FieldSelector, "spec.nodeName")
		}
	default:
		asked.Verb, asked.NonResource, asked.Path = q.path.Verb, true, q.path.Path
	}
	status.Allowed, status.Reason = policy.Authorize(asked)
	return status, nil
}

// rules are those that go for whoever asks in a namespace.
func rules(policy *access.Policy, asked access.Request, namespace string) authorizationv1.SubjectRulesReviewStatus {
	status := authorizationv1.SubjectRulesReviewStatus{
		ResourceRules: []authorizationv1.ResourceRule{}, NonResourceRules: []authorizationv1.NonResourceRule{},
	}
	for _, rule := range policy.Rules(asked, namespace) {
		if len(rule.NonResourceURLs) > 0 {
			status.NonResourceRules = append(status.NonResourceRules, authorizationv1.NonResourceRule{Verbs: rule.Verbs, NonResourceURLs: rule.NonResourceURLs})
		} else {
			status.ResourceRules = append(status.ResourceRules, authorizationv1.ResourceRule{
				Verbs: rule.Verbs, APIGroups: rule.APIGroups, Resources: rule.Resources, ResourceNames: rule.ResourceNames})
		}
	}
	return status
}
