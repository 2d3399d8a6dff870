package apiserver

import (
	"net/http"
	"runtime"
	"slices"
	"strings"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"

	"kubelab/kube/api"
)

// Discovery is how a client that was compiled before a kind existed can still list it: the server says what it has,
// either all at once (aggregated, KEP-3352) or piece by piece.

// serveDiscovery answers /version, /api, /apis and what is one or two levels below. It returns false for other paths.
func (s *Server) serveDiscovery(c *call) bool {
	parts := strings.FieldsFunc(c.r.URL.Path, func(r rune) bool { return r == '/' })
	path := "/" + strings.Join(parts, "/")
	aggregated := strings.Contains(c.r.Header.Get("Accept"), "as=APIGroupDiscoveryList")
	var document any
	switch {
	case path == "/version":
		document = s.version()
	case path == "/":
		document = metav1.RootPaths{Paths: []string{"/api", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version", stepsPath}}
	case (path == "/api" || path == "/apis") && aggregated:
		s.serveAggregated(c, path == "/api")
		return true
	case path == "/api":
		document = metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions", APIVersion: "v1"}, Versions: []string{"v1"}}
	case path == "/apis":
		document = s.groupList()
	case len(parts) == 2 && parts[0] == "apis":
		document = s.group(parts[1])
	case len(parts) == 2 && parts[0] == "api":
		document = s.resourceList(schema.GroupVersion{Version: parts[1]})
	case len(parts) == 3 && parts[0] == "apis":
		document = s.resourceList(schema.GroupVersion{Group: parts[1], Version: parts[2]})
	}
	if document == nil || document == (*metav1.APIGroup)(nil) || document == (*metav1.APIResourceList)(nil) {
		return false
	}
	writeJSON(c.w, c.r, http.StatusOK, document)
	return true
}

func (s *Server) version() version.Info {
	major, rest, _ := strings.Cut(strings.TrimPrefix(s.Version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	return version.Info{
		Major: major, Minor: minor, GitVersion: s.Version,
		GoVersion: runtime.Version(), Compiler: runtime.Compiler, Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
}

// groups are the group versions that the server has, "" first.
func (s *Server) groups() []schema.GroupVersion {
	var found []schema.GroupVersion
	for _, kind := range s.Kinds {
		if !slices.Contains(found, kind.GroupVersion()) {
			found = append(found, kind.GroupVersion())
		}
	}
	slices.SortFunc(found, func(a, b schema.GroupVersion) int { return strings.Compare(a.String(), b.String()) })
	return found
}

func (s *Server) groupList() metav1.APIGroupList {
	list := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	for _, gv := range s.groups() {
		if gv.Group != "" {
			list.Groups = append(list.Groups, *s.group(gv.Group))
		}
	}
	return list
}

func (s *Server) group(name string) *metav1.APIGroup {
	for _, gv := range s.groups() {
		if gv.Group == name && name != "" {
			version := metav1.GroupVersionForDiscovery{GroupVersion: gv.String(), Version: gv.Version}
			return &metav1.APIGroup{
				TypeMeta: metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"},
				Name:     name, Versions: []metav1.GroupVersionForDiscovery{version}, PreferredVersion: version,
			}
		}
	}
	return nil
}

func (s *Server) resourceList(gv schema.GroupVersion) *metav1.APIResourceList {
	list := &metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: gv.String()}
	for i := range s.Kinds {
		kind := &s.Kinds[i]
		if kind.GroupVersion() != gv {
			continue
		}
		list.APIResources = append(list.APIResources, metav1.APIResource{
			Name: kind.Plural, SingularName: kind.Singular, Namespaced: kind.Namespaced, Kind: kind.Kind,
			Verbs: verbsOf(kind), ShortNames: kind.Short, Categories: kind.Categories,
		})
		for _, sub := range subresourcesOf(kind) {
			list.APIResources = append(list.APIResources, metav1.APIResource{
				Name: kind.Plural + "/" + sub.name, Namespaced: kind.Namespaced,
				Kind: sub.gvk.Kind, Group: foreign(sub.gvk.Group, kind), Version: foreign(sub.gvk.Version, kind), Verbs: sub.verbs,
			})
		}
	}
	if len(list.APIResources) == 0 {
		return nil
	}
	return list
}

// foreign is a group or version where the subresource's kind is not of the resource's own group.
func foreign(text string, kind *api.Kind) string {
	if text == kind.Group || text == kind.Version {
		return ""
	}
	return text
}

func verbsOf(kind *api.Kind) []string {
	if isReview(kind) {
		return []string{"create"}
	}
	return allVerbs
}

var allVerbs = []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}

// subresourceInfo is what discovery says of a subresource.
type subresourceInfo struct {
	name  string
	gvk   schema.GroupVersionKind
	verbs []string
}

func subresourcesOf(kind *api.Kind) []subresourceInfo {
	var found []subresourceInfo
	if kind.HasStatus {
		found = append(found, subresourceInfo{"status", kind.GroupVersionKind, []string{"get", "patch", "update"}})
	}
	if kind.Scale != nil {
		gvk := schema.GroupVersionKind{Group: "autoscaling", Version: "v1", Kind: "Scale"}
		found = append(found, subresourceInfo{"scale", gvk, []string{"get", "patch", "update"}})
	}
	for id, sub := range subresources {
		plural, name, _ := strings.Cut(id, "/")
		if plural != kind.Plural || kind.Group != "" {
			continue
		}
		gvk := kind.GroupVersion().WithKind(sub.kind)
		if sub.group != "" {
			gv, _ := schema.ParseGroupVersion(sub.group) // it is written above
			gvk = gv.WithKind(sub.kind)
		}
		found = append(found, subresourceInfo{name, gvk, sub.verbs})
	}
	slices.SortFunc(found, func(a, b subresourceInfo) int { return strings.Compare(a.name, b.name) })
	return found
}

// serveAggregated says everything in one document.
func (s *Server) serveAggregated(c *call, core bool) {
	list := apidiscoveryv2.APIGroupDiscoveryList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupDiscoveryList", APIVersion: "apidiscovery.k8s.io/v2"}}
	for _, gv := range s.groups() {
		if (gv.Group == "") != core {
			continue
		}
		group := apidiscoveryv2.APIGroupDiscovery{ObjectMeta: metav1.ObjectMeta{Name: gv.Group}}
		version := apidiscoveryv2.APIVersionDiscovery{Version: gv.Version, Freshness: apidiscoveryv2.DiscoveryFreshnessCurrent}
		for i := range s.Kinds {
			if s.Kinds[i].GroupVersion() == gv {
				version.Resources = append(version.Resources, resourceDiscovery(&s.Kinds[i]))
			}
		}
		group.Versions = append(group.Versions, version)
		list.Items = append(list.Items, group)
	}
	c.w.Header().Set("Content-Type", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
	c.w.Header().Set("Vary", "Accept")
	writeJSONAs(c.w, c.r, list)
}

func resourceDiscovery(kind *api.Kind) apidiscoveryv2.APIResourceDiscovery {
	scope := apidiscoveryv2.ScopeCluster
	if kind.Namespaced {
		scope = apidiscoveryv2.ScopeNamespace
	}
	found := apidiscoveryv2.APIResourceDiscovery{
		Resource: kind.Plural, SingularResource: kind.Singular, Scope: scope, Verbs: verbsOf(kind),
		ResponseKind: responseKind(kind.GroupVersionKind), ShortNames: kind.Short, Categories: kind.Categories,
	}
	for _, sub := range subresourcesOf(kind) {
		found.Subresources = append(found.Subresources, apidiscoveryv2.APISubresourceDiscovery{
			Subresource: sub.name, ResponseKind: responseKind(sub.gvk), Verbs: sub.verbs,
		})
	}
	return found
}

func responseKind(gvk schema.GroupVersionKind) *metav1.GroupVersionKind {
	return &metav1.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind}
}
