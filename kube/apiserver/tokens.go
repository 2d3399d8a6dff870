package apiserver

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/uuid"

	"kubelab/kube/access"
	"kubelab/kube/access/tokens"
)

// serveToken answers with a token by which a program proves that it is a service account.
func (s *Server) serveToken(c *call) error {
	body, err := c.readSubresource()
	if err != nil {
		return err
	}
	request := body.(*authenticationv1.TokenRequest)
	audiences := request.Spec.Audiences
	tokens.Default(request)
	if problems := tokens.Validate(request); len(problems) > 0 {
		return apierrors.NewInvalid(c.sub.Body.GroupKind(), c.name, problems)
	}
	found, err := s.get(c.r.Context(), c.kind, c.namespace, c.name)
	if err != nil {
		return err
	}
	account := found.(*corev1.ServiceAccount)
	pod := s.podNamed(c.r.Context(), c.namespace, tokens.PodOf(request))
	claims, err := tokens.Grant(account, request, pod, uuid.NewUUID(), time.Now())
	if err != nil {
		return err
	}
	if err := s.Policy.RestrictToken(s.asked(c), pod, audiences); err != nil {
		return apierrors.NewForbidden(c.kind.Resource().GroupResource(), c.name, err)
	}
	token, err := s.Tokens.Sign(claims)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	answer := tokens.Answer(request, account, claims, token)
	answer.SetGroupVersionKind(c.sub.Body)
	return c.view.Write(c.w, http.StatusCreated, nil, answer)
}

// podNamed is a pod by its name, or nil.
func (s *Server) podNamed(ctx context.Context, namespace, name string) *corev1.Pod {
	if name == "" {
		return nil
	}
	pod, _ := s.lookup(ctx)("pods", namespace, name).(*corev1.Pod)
	return pod
}

// holder is whom a token speaks of, for those of the audiences that it is meant for (none: the API server). The error says why it is worth nothing.
func (s *Server) holder(ctx context.Context, token string, audiences []string) (is authenticationv1.UserInfo, meant []string, err error) {
	if len(audiences) == 0 {
		audiences = []string{tokens.Issuer}
	}
	claims, err := s.Tokens.Read(token)
	if err != nil {
		return is, nil, err
	}
	bound := claims.Bound
	account, _ := s.lookup(ctx)("serviceaccounts", bound.Namespace, bound.Account.Name).(*corev1.ServiceAccount)
	var pod *corev1.Pod
	if bound.Pod != nil {
		pod = s.podNamed(ctx, bound.Namespace, bound.Pod.Name)
	}
	if err := tokens.Check(claims, audiences, account, pod, time.Now()); err != nil {
		return is, nil, err
	}
	return tokens.User(claims, access.AuthenticatedGroup), tokens.Shared(audiences, claims.Audience), nil
}

// bearer is the token that a request brings along (RFC 6750).
func bearer(r *http.Request) (token string, brought bool) {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(kind, "Bearer") && token != ""
}

// byToken is who sent a request that brings a token. Why one is worth nothing is for the log: who has found one should not learn it.
func (s *Server) byToken(r *http.Request, token string) (user, error) {
	is, _, err := s.holder(r.Context(), token, nil)
	if err != nil {
		if !errors.Is(err, tokens.ErrNotOurs) {
			slog.Info("a token is refused", "from", r.RemoteAddr, "reason", err)
		}
		return user{name: access.AnonymousUser, groups: []string{access.UnauthenticatedGroup}}, apierrors.NewUnauthorized("Unauthorized")
	}
	return user{name: is.Username, groups: is.Groups, uid: is.UID, extra: is.Extra}, nil
}

// reviewToken answers whether a token is worth something.
func (s *Server) reviewToken(ctx context.Context, review *authenticationv1.TokenReview) {
	is, meant, err := s.holder(ctx, review.Spec.Token, review.Spec.Audiences)
	if err != nil {
		review.Status = authenticationv1.TokenReviewStatus{Error: err.Error()}
		return
	}
	review.Status = authenticationv1.TokenReviewStatus{Authenticated: true, User: is, Audiences: meant}
}
