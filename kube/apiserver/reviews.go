package apiserver

import (
	"net/http"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kubelab/kube/access"
	"kubelab/kube/api"
)

// Reviews are questions: what a client creates is answered, and nothing is stored.

var reviewKinds = []api.Kind{
	api.Type[*authorizationv1.SelfSubjectAccessReview]{Names: api.Names{Plural: "selfsubjectaccessreviews"}}.Kind(),
	api.Type[*authorizationv1.SelfSubjectRulesReview]{Names: api.Names{Plural: "selfsubjectrulesreviews"}}.Kind(),
	api.Type[*authenticationv1.SelfSubjectReview]{Names: api.Names{Plural: "selfsubjectreviews"}}.Kind(),
}

func isReview(kind *api.Kind) bool {
	return kind.Group == authorizationv1.GroupName || kind.Group == authenticationv1.GroupName
}

// serveReview answers kubectl auth can-i and kubectl auth whoami.
func (s *Server) serveReview(c *call) error {
	if c.verb != "create" {
		return apierrors.NewMethodNotSupported(c.kind.Resource().GroupResource(), c.verb)
	}
	object, err := decodeBody(c, c.kind)
	if err != nil {
		return err
	}
	switch review := object.(type) {
	case *authorizationv1.SelfSubjectAccessReview:
		err = s.mayI(c.user, review)
	case *authorizationv1.SelfSubjectRulesReview:
		review.Status = s.rulesOf(c.user, review.Spec.Namespace)
	case *authenticationv1.SelfSubjectReview:
		review.Status.UserInfo = authenticationv1.UserInfo{Username: c.user.name, Groups: c.user.groups}
	}
	if err != nil {
		return err
	}
	object.GetObjectKind().SetGroupVersionKind(c.kind.GroupVersionKind) // a client need not say in the body what the URL says
	return s.writeObject(c, http.StatusCreated, nil, object)            // an answer is no row of a table
}

// mayI asks for the sender what its own request would be asked.
func (s *Server) mayI(sender user, review *authorizationv1.SelfSubjectAccessReview) error {
	asked := access.Request{User: sender.name, Groups: sender.groups, Relations: s}
	switch what, path := review.Spec.ResourceAttributes, review.Spec.NonResourceAttributes; {
	case (what == nil) == (path == nil):
		return apierrors.NewBadRequest("spec: Invalid value: exactly one of resourceAttributes and nonResourceAttributes must be given")
	case what != nil:
		asked.Verb, asked.Group, asked.Resource, asked.Subresource = what.Verb, what.Group, what.Resource, what.Subresource
		asked.Namespace, asked.Name = what.Namespace, what.Name
	default:
		asked.Verb, asked.Path = path.Verb, path.Path
	}
	review.Status.Allowed, review.Status.Reason = s.Policy.Authorize(asked)
	return nil
}

// rulesOf are the rules that go for a user in a namespace.
func (s *Server) rulesOf(sender user, namespace string) authorizationv1.SubjectRulesReviewStatus {
	status := authorizationv1.SubjectRulesReviewStatus{
		ResourceRules: []authorizationv1.ResourceRule{}, NonResourceRules: []authorizationv1.NonResourceRule{},
	}
	for _, rule := range s.Policy.Rules(sender.name, sender.groups, namespace) {
		if len(rule.NonResourceURLs) > 0 {
			status.NonResourceRules = append(status.NonResourceRules, authorizationv1.NonResourceRule{Verbs: rule.Verbs, NonResourceURLs: rule.NonResourceURLs})
		} else {
			status.ResourceRules = append(status.ResourceRules, authorizationv1.ResourceRule{
				Verbs: rule.Verbs, APIGroups: rule.APIGroups, Resources: rule.Resources, ResourceNames: rule.ResourceNames})
		}
	}
	return status
}
