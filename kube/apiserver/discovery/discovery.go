package discovery

import (
	"encoding/json"
	"net/http"
	"runtime"
	"slices"
	"strings"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/answer"
)

// Documents are what a server with a list of kinds says of itself. They may be asked for by any number of goroutines.
type Documents struct {
	kinds   []api.Kind
	version string   // "v1.37.2"
	paths   []string // of what is no resource
	openapi openAPI
}

// New are the documents of a server with these kinds, which nobody may change. Its version is "v1.37.2"; beside resources it has paths.
func New(kinds []api.Kind, version string, paths ...string) *Documents {
	paths = append(slices.Clone(paths), "/api", "/apis", "/openapi/v2", "/openapi/v3", "/version")
	slices.Sort(paths)
	return &Documents{kinds: kinds, version: version, paths: paths, openapi: openAPI{kinds: kinds}}
}

// Serve answers /version, /api, /apis, /openapi and what is one or two levels below. It returns false for other paths.
func (d *Documents) Serve(w http.ResponseWriter, r *http.Request) bool {
	if d.openapi.serve(w, r) {
		return true
	}
	parts := strings.FieldsFunc(r.URL.Path, func(r rune) bool { return r == '/' })
	path := "/" + strings.Join(parts, "/")
	if (path == "/api" || path == "/apis") && strings.Contains(r.Header.Get("Accept"), aggregatedWanted) {
		d.serveAggregated(w, r, path == "/api")
		return true
	}
	document := d.document(path, parts)
	if document == nil {
		return false
	}
	answer.JSON(w, r, http.StatusOK, document)
	return true
}

// Wants says whether a client takes a form that only these documents have.
func Wants(accept string) bool {
	return strings.Contains(accept, aggregatedWanted) || strings.Contains(accept, "application/com.github.proto-openapi")
}

// document is what lies at a path, or nil.
func (d *Documents) document(path string, parts []string) any {
	switch {
	case path == "/version":
		return d.info()
	case path == "/":
		return metav1.RootPaths{Paths: d.paths}
	case path == "/api":
		return metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions", APIVersion: "v1"}, Versions: []string{"v1"}}
	case path == "/apis":
		return d.groupList()
	case len(parts) == 2 && parts[0] == "apis":
		if group := d.group(parts[1]); group != nil {
			return group
		}
	case len(parts) == 2 && parts[0] == "api":
		return d.resources(schema.GroupVersion{Version: parts[1]})
	case len(parts) == 3 && parts[0] == "apis":
		return d.resources(schema.GroupVersion{Group: parts[1], Version: parts[2]})
	}
	return nil
}

// resources are those of a group version, or nil.
func (d *Documents) resources(gv schema.GroupVersion) any {
	if list := d.resourceList(gv); len(list.APIResources) > 0 {
		return list
	}
	return nil
}

func (d *Documents) info() version.Info {
	major, rest, _ := strings.Cut(strings.TrimPrefix(d.version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	return version.Info{
		Major: major, Minor: minor, GitVersion: d.version,
		GoVersion: runtime.Version(), Compiler: runtime.Compiler, Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
}

// groups are the group versions that the server has, "" first.
func (d *Documents) groups() []schema.GroupVersion {
	var found []schema.GroupVersion
	for _, kind := range d.kinds {
		if !slices.Contains(found, kind.GroupVersion()) {
			found = append(found, kind.GroupVersion())
		}
	}
	slices.SortFunc(found, func(a, b schema.GroupVersion) int { return strings.Compare(a.String(), b.String()) })
	return found
}

func (d *Documents) groupList() metav1.APIGroupList {
	list := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	for _, gv := range d.groups() {
		if gv.Group != "" {
			list.Groups = append(list.Groups, *d.group(gv.Group))
		}
	}
	return list
}

func (d *Documents) group(name string) *metav1.APIGroup {
	for _, gv := range d.groups() {
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

func (d *Documents) resourceList(gv schema.GroupVersion) *metav1.APIResourceList {
	list := &metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: gv.String()}
	for i := range d.kinds {
		kind := &d.kinds[i]
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
	if kind.Unstored {
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
	for _, sub := range kind.Subresources {
		found = append(found, subresourceInfo{sub.Name, sub.Body, sub.Verbs})
	}
	slices.SortFunc(found, func(a, b subresourceInfo) int { return strings.Compare(a.name, b.name) })
	return found
}

// aggregatedWanted is how a client asks for everything at once.
const aggregatedWanted = "as=APIGroupDiscoveryList"

// serveAggregated says everything in one document.
func (d *Documents) serveAggregated(w http.ResponseWriter, r *http.Request, core bool) {
	list := apidiscoveryv2.APIGroupDiscoveryList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupDiscoveryList", APIVersion: "apidiscovery.k8s.io/v2"}}
	for _, gv := range d.groups() {
		if (gv.Group == "") != core {
			continue
		}
		group := apidiscoveryv2.APIGroupDiscovery{ObjectMeta: metav1.ObjectMeta{Name: gv.Group}}
		version := apidiscoveryv2.APIVersionDiscovery{Version: gv.Version, Freshness: apidiscoveryv2.DiscoveryFreshnessCurrent}
		for i := range d.kinds {
			if d.kinds[i].GroupVersion() == gv {
				version.Resources = append(version.Resources, resourceDiscovery(&d.kinds[i]))
			}
		}
		group.Versions = append(group.Versions, version)
		list.Items = append(list.Items, group)
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		answer.Error(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
	w.Header().Set("Vary", "Accept")
	_, _ = w.Write(encoded) // a client that is gone needs no answer
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
