package access

import (
	"maps"
	"slices"
	"strings"

	"kubelab/kube/access/rbac"
)

// Impersonation is whom a request is to be carried out as, in place of who sends it: kubectl --as, --as-group, --as-uid.
type Impersonation struct {
	User   string
	Groups []string
	UID    string
	Extra  map[string][]string
}

const authentication = "authentication.k8s.io"

// Asks are what whoever sends the request must be allowed: the verb impersonate on each part of who it is to be.
func (i Impersonation) Asks() []rbac.Attributes {
	user := rbac.Attributes{Resource: "users", Name: i.User}
	if namespace, account, is := accountOf(i.User); is {
		user = rbac.Attributes{Resource: "serviceaccounts", Namespace: namespace, Name: account}
	}
	asks := []rbac.Attributes{user}
	for _, group := range i.Groups {
		asks = append(asks, rbac.Attributes{Resource: "groups", Name: group})
	}
	if i.UID != "" {
		asks = append(asks, rbac.Attributes{Group: authentication, Resource: "uids", Name: i.UID})
	}
	for _, key := range slices.Sorted(maps.Keys(i.Extra)) {
		for _, value := range i.Extra[key] {
			asks = append(asks, rbac.Attributes{Group: authentication, Resource: "userextras", Subresource: key, Name: value})
		}
	}
	for at := range asks {
		asks[at].Verb = "impersonate"
	}
	return asks
}

// AllGroups are the groups that the request then has: those that it names, and those that follow from the name of the user.
func (i Impersonation) AllGroups() []string {
	groups := slices.Clone(i.Groups)
	if namespace, _, is := accountOf(i.User); is && len(groups) == 0 {
		groups = []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace}
	}
	follows := AuthenticatedGroup
	if i.User == AnonymousUser {
		follows = UnauthenticatedGroup
	}
	if slices.Contains(groups, AuthenticatedGroup) || slices.Contains(groups, UnauthenticatedGroup) {
		return groups
	}
	return append(groups, follows)
}

// accountOf is the service account that a user name is of.
func accountOf(user string) (namespace, name string, is bool) {
	rest, is := strings.CutPrefix(user, "system:serviceaccount:")
	if !is {
		return "", "", false
	}
	namespace, name, is = strings.Cut(rest, ":")
	return namespace, name, is && namespace != "" && name != "" && !strings.Contains(name, ":")
}
