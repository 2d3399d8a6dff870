package apiserver

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubelab/kube/access"
)

// impersonate has the call go on as whom its headers name, if whoever sends it may act as that one. What follows knows only the other, but for the
// causal record: who sent it can do no more than the other could. It is no part of the cluster, whatever its name.
func (s *Server) impersonate(c *call) error {
	as, wanted := impersonation(c.r.Header)
	if !wanted {
		return nil
	}
	if as.User == "" {
		return apierrors.NewInternalError(errors.New("a group, uid or extra is to be impersonated without a user: say Impersonate-User, too"))
	}
	for _, ask := range as.Asks() {
		request := access.Request{Attributes: ask, Relations: s.relations, Roles: s.roles()}
		request.User, request.Groups = c.user.name, c.user.groups
		if allowed, reason := s.Policy.Authorize(request); !allowed {
			return mayNotBe(c, request, reason)
		}
	}
	c.user = user{name: as.User, groups: as.AllGroups(), uid: as.UID, extra: map[string]authenticationv1.ExtraValue{}, sender: c.user.name}
	for key, values := range as.Extra {
		c.user.extra[key] = values
	}
	return nil
}

// mayNotBe tells who may not act as whom.
func mayNotBe(c *call, asked access.Request, reason string) error {
	if c.user.name == access.AnonymousUser {
		return forbidden(c, asked, reason)
	}
	resource := strings.TrimSuffix(asked.Resource+"/"+asked.Subresource, "/")
	text := fmt.Sprintf("User %q cannot impersonate resource %q in API group %q %s", asked.User, resource, asked.Group, scopeOf(asked.Namespace))
	if reason != "" {
		text += ": " + reason
	}
	return apierrors.NewForbidden(schema.GroupResource{Group: asked.Group, Resource: asked.Resource}, asked.Name, errors.New(text))
}

// impersonation reads the headers that say whom a request is to be carried out as.
func impersonation(h http.Header) (as access.Impersonation, wanted bool) {
	const extra = "Impersonate-Extra-"
	as = access.Impersonation{User: h.Get("Impersonate-User"), Groups: h.Values("Impersonate-Group"), UID: h.Get("Impersonate-Uid"), Extra: map[string][]string{}}
	for name, values := range h {
		if key, is := strings.CutPrefix(name, extra); is {
			key = strings.ToLower(key)
			if plain, err := url.PathUnescape(key); err == nil {
				key = plain
			}
			as.Extra[key] = values
		}
	}
	return as, as.User != "" || len(as.Groups) > 0 || as.UID != "" || len(as.Extra) > 0
}
