package tokens

import (
	"fmt"
	"slices"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"kubelab/kube/api"
)

// Issuer is who gives the tokens, and the audience of those that are for the API server.
const Issuer = "https://kubernetes.default.svc.cluster.local"

// Claims are what a token says.
type Claims struct {
	Audience  []string `json:"aud"`
	Expires   int64    `json:"exp"` // seconds since 1970, as all times here
	IssuedAt  int64    `json:"iat"`
	Issuer    string   `json:"iss"`
	ID        string   `json:"jti"`
	Bound     Bound    `json:"kubernetes.io"`
	NotBefore int64    `json:"nbf"`
	Subject   string   `json:"sub"`
}

// Bound is what a token is about: when that is gone, it is worth nothing.
type Bound struct {
	Namespace string  `json:"namespace"`
	Pod       *Object `json:"pod,omitempty"`
	Account   Object  `json:"serviceaccount"`
}

// Object is an object of the namespace.
type Object struct {
	Name string    `json:"name"`
	UID  types.UID `json:"uid"`
}

// The bounds of a token's life, in seconds.
const (
	usualLife = 60 * 60
	minLife   = 10 * 60
	maxLife   = 1 << 32
)

// Validate says what is wrong with a request for a token.
func Validate(request *authenticationv1.TokenRequest) field.ErrorList {
	var problems field.ErrorList
	if len(request.Spec.Attestations) > 0 {
		problems = append(problems, field.Forbidden(field.NewPath("spec", "attestations"), api.NotYet))
	}
	path := field.NewPath("spec", "expirationSeconds")
	switch seconds := request.Spec.ExpirationSeconds; {
	case seconds == nil:
	case *seconds < minLife:
		problems = append(problems, field.Invalid(path, *seconds, "may not specify a duration less than 10 minutes"))
	case *seconds > maxLife:
		problems = append(problems, field.Invalid(path, *seconds, "may not specify a duration larger than 2^32 seconds"))
	}
	return problems
}

// Default fills in what a request does not say.
func Default(request *authenticationv1.TokenRequest) {
	if request.Spec.ExpirationSeconds == nil {
		request.Spec.ExpirationSeconds = new(int64(usualLife))
	}
	if len(request.Spec.Audiences) == 0 {
		request.Spec.Audiences = []string{Issuer}
	}
}

// Grant is what a token says that is asked for, by a request with its defaults. pod is the one of the name to which it is to be bound, nil if there is
// none of that name. Errors are Statuses.
func Grant(account *corev1.ServiceAccount, request *authenticationv1.TokenRequest, pod *corev1.Pod, id types.UID, now time.Time) (Claims, error) {
	c := Claims{
		Audience: request.Spec.Audiences, Issuer: Issuer, ID: string(id), Subject: userOf(account.Namespace, account.Name),
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: now.Unix() + *request.Spec.ExpirationSeconds,
		Bound: Bound{Namespace: account.Namespace, Account: Object{account.Name, account.UID}},
	}
	ref := request.Spec.BoundObjectRef
	switch {
	case ref == nil:
		return c, nil
	case ref.Kind != "Pod" || ref.APIVersion != "v1" && ref.APIVersion != "":
		return c, apierrors.NewBadRequest(fmt.Sprintf("cannot bind token to object of type %s, Kind=%s: kubelab binds them to pods only", ref.APIVersion, ref.Kind))
	case pod == nil:
		return c, apierrors.NewNotFound(corev1.Resource("pods"), ref.Name)
	case ref.UID != "" && ref.UID != pod.UID:
		return c, apierrors.NewConflict(corev1.Resource("pods"), ref.Name, fmt.Errorf(
			"the UID in the bound object reference (%s) does not match the UID in record. The object might have been deleted and then recreated", ref.UID))
	case pod.Spec.ServiceAccountName != account.Name:
		return c, apierrors.NewBadRequest(fmt.Sprintf("cannot bind token for serviceaccount %q to pod running with different serviceaccount name.", account.Name))
	}
	c.Bound.Pod = &Object{pod.Name, pod.UID}
	return c, nil
}

// Check says why a token is worth nothing, nil if it is worth something to one of the audiences. account and pod are those that have the names in it, or nil.
func Check(c Claims, audiences []string, account *corev1.ServiceAccount, pod *corev1.Pod, now time.Time) error {
	bound := c.Bound
	switch at := now.Unix(); {
	case c.Issuer != Issuer:
		return fmt.Errorf("it is of another issuer: %q", c.Issuer)
	case at >= c.Expires || at < c.NotBefore:
		return fmt.Errorf("it is good from %v to %v", time.Unix(c.NotBefore, 0), time.Unix(c.Expires, 0))
	case len(Shared(c.Audience, audiences)) == 0:
		return fmt.Errorf("it is for %q", c.Audience)
	case c.Subject != userOf(bound.Namespace, bound.Account.Name):
		return fmt.Errorf("its subject %q is another", c.Subject)
	case account == nil || account.UID != bound.Account.UID:
		return fmt.Errorf("the account %s/%s is gone", bound.Namespace, bound.Account.Name)
	case bound.Pod != nil && (pod == nil || pod.UID != bound.Pod.UID):
		return fmt.Errorf("the pod %s/%s is gone", bound.Namespace, bound.Pod.Name)
	case bound.Pod != nil && leftAt(pod, at):
		return fmt.Errorf("the pod %s/%s was deleted", bound.Namespace, bound.Pod.Name)
	}
	return nil
}

// leeway is for how many seconds after its time a pod that was deleted may still be itself: it ends late now and then.
const leeway = 60

func leftAt(pod *corev1.Pod, at int64) bool {
	return pod.DeletionTimestamp != nil && at > pod.DeletionTimestamp.Unix()+leeway
}

// Shared are the audiences that are in both lists.
func Shared(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(one string) bool { return !slices.Contains(b, one) })
}

// The user and the groups of an account.
const (
	userPrefix  = "system:serviceaccount:"
	allAccounts = "system:serviceaccounts"
)

func userOf(namespace, account string) string { return userPrefix + namespace + ":" + account }

// Account takes the name of an account's user apart.
func Account(user string) (namespace, name string, is bool) {
	rest, is := strings.CutPrefix(user, userPrefix)
	namespace, name, whole := strings.Cut(rest, ":")
	return namespace, name, is && whole
}

// User is who holds a token.
func User(c Claims, authenticated string) authenticationv1.UserInfo {
	const prefix = "authentication.kubernetes.io/"
	user := authenticationv1.UserInfo{
		Username: c.Subject, UID: string(c.Bound.Account.UID),
		Groups: []string{allAccounts, allAccounts + ":" + c.Bound.Namespace, authenticated},
		Extra:  map[string]authenticationv1.ExtraValue{prefix + "credential-id": {"JTI=" + c.ID}},
	}
	if pod := c.Bound.Pod; pod != nil {
		user.Extra[prefix+"pod-name"], user.Extra[prefix+"pod-uid"] = []string{pod.Name}, []string{string(pod.UID)}
	}
	return user
}

// Answer is what a request is told.
func Answer(request *authenticationv1.TokenRequest, account *corev1.ServiceAccount, c Claims, token string) *authenticationv1.TokenRequest {
	answer := &authenticationv1.TokenRequest{Spec: request.Spec}
	answer.ObjectMeta = metav1.ObjectMeta{Name: account.Name, Namespace: account.Namespace, CreationTimestamp: metav1.Unix(c.IssuedAt, 0)}
	answer.Status = authenticationv1.TokenRequestStatus{Token: token, ExpirationTimestamp: metav1.Unix(c.Expires, 0)}
	return answer
}

// PodOf is the name of the pod to which a request wants its token bound, empty if to none.
func PodOf(request *authenticationv1.TokenRequest) string {
	return ptr.Deref(request.Spec.BoundObjectRef, authenticationv1.BoundObjectReference{}).Name
}
