package discovery

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/answer"
)

// openAPI describes every kind to clients: kubectl explain prints it, kubectl apply merges by it. It is made from
// the Go types by reflection when it is first asked for.
type openAPI struct {
	kinds []api.Kind

	once      sync.Once
	documents map[string][]byte // by path: "api/v1", "apis/apps/v1"

	older       sync.Once
	olderJSON   []byte
	olderBinary []byte // in protobuf
}

// serve answers /openapi/v3 and what is below, and /openapi/v2. It returns false for other paths.
func (o *openAPI) serve(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path == "/openapi/v2" {
		o.once.Do(o.build)
		o.serveOlder(w, r)
		return true
	}
	path, ours := strings.CutPrefix(r.URL.Path, "/openapi/v3")
	if !ours {
		return false
	}
	o.once.Do(o.build)
	path = strings.Trim(path, "/")
	if path == "" {
		answer.JSON(w, r, http.StatusOK, o.index())
		return true
	}
	document, known := o.documents[path]
	if !known {
		return false
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document) // a client that is gone needs no answer
	return true
}

func (o *openAPI) index() any {
	paths := map[string]any{}
	for path, document := range o.documents {
		paths[path] = map[string]string{"serverRelativeURL": fmt.Sprintf("/openapi/v3/%s?hash=%X", path, sha256.Sum256(document))}
	}
	return map[string]any{"paths": paths}
}

func (o *openAPI) build() {
	byGroup := map[schema.GroupVersion][]api.Kind{}
	for _, kind := range o.kinds {
		byGroup[kind.GroupVersion()] = append(byGroup[kind.GroupVersion()], kind)
	}
	o.documents = map[string][]byte{}
	for gv, kinds := range byGroup {
		encoded, err := json.Marshal(describeGroup(gv, kinds))
		if err != nil {
			panic(err) // it is made of texts and maps
		}
		o.documents[strings.TrimPrefix(root(gv), "/")] = encoded
	}
}

// root is the path under which a group version lies.
func root(gv schema.GroupVersion) string {
	if gv.Group == "" {
		return "/api/" + gv.Version
	}
	return "/apis/" + gv.String()
}

func describeGroup(gv schema.GroupVersion, kinds []api.Kind) any {
	types := typeDescriber{}
	paths := map[string]any{}
	for _, kind := range kinds {
		types.describeKind(kind)
		maps.Copy(paths, describePaths(kind, types.reference(kind.New())))
	}
	return map[string]any{
		"openapi":    "3.0.0",
		"info":       map[string]string{"title": "Kubernetes", "version": gv.String()},
		"paths":      paths,
		"components": map[string]any{"schemas": types},
	}
}

// describePaths says what can be done with a kind, and with which parameters.
func describePaths(kind api.Kind, object map[string]any) map[string]any {
	gvk := map[string]string{"group": kind.Group, "version": kind.Version, "kind": kind.Kind}
	content := map[string]any{"application/json": map[string]any{"schema": object}}
	answer := map[string]any{"200": map[string]any{"description": "OK", "content": content}}
	read := func(action string, parameters ...string) any {
		return map[string]any{
			"x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk,
			"parameters": queryParameters(parameters), "responses": answer,
		}
	}
	write := func(action string, parameters ...string) any {
		operation := read(action, parameters...).(map[string]any)
		operation["requestBody"] = map[string]any{"content": content, "required": true}
		return operation
	}
	all := root(kind.GroupVersion()) + "/" + kind.Plural
	collection, inPath := all, []string(nil)
	if kind.Namespaced {
		collection, inPath = root(kind.GroupVersion())+"/namespaces/{namespace}/"+kind.Plural, []string{"namespace"}
	}
	list := read("list", "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "watch")
	create := write("post", "dryRun", "fieldManager", "fieldValidation")
	if kind.Unstored {
		return map[string]any{collection: map[string]any{"post": create, "parameters": pathParameters(inPath)}}
	}
	get := read("get")
	put, patch := write("put", "dryRun", "fieldManager", "fieldValidation"), write("patch", "dryRun", "fieldManager", "fieldValidation", "force")
	remove := read("delete", "dryRun", "gracePeriodSeconds", "propagationPolicy")
	named := pathParameters(append(inPath, "name"))
	paths := map[string]any{
		all:                    map[string]any{"get": list, "parameters": []any{}},
		collection:             map[string]any{"get": list, "post": create, "parameters": pathParameters(inPath)},
		collection + "/{name}": map[string]any{"get": get, "put": put, "patch": patch, "delete": remove, "parameters": named},
	}
	if kind.HasStatus {
		paths[collection+"/{name}/status"] = map[string]any{"get": get, "put": put, "patch": patch, "parameters": named}
	}
	return paths
}

func pathParameters(names []string) []any {
	parameters := []any{}
	for _, name := range names {
		parameters = append(parameters, map[string]any{
			"name": name, "in": "path", "required": true, "schema": map[string]any{"type": "string", "uniqueItems": true}})
	}
	return parameters
}

func queryParameters(names []string) []any {
	parameters := []any{}
	for _, name := range names {
		parameters = append(parameters, map[string]any{"name": name, "in": "query", "schema": map[string]any{"type": "string", "uniqueItems": true}})
	}
	return parameters
}
