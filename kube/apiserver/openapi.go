package apiserver

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubelab/kube/api"
)

// openAPI describes every kind to clients: kubectl explain prints it, kubectl apply merges by it. It is made from
// the Go types by reflection when it is first asked for.
type openAPI struct {
	kinds []api.Kind

	once      sync.Once
	documents map[string][]byte // by path: "api/v1", "apis/apps/v1"
}

// serve answers /openapi/v3 and what is below, and /openapi/v2. It returns false for other paths.
func (o *openAPI) serve(c *call) bool {
	if c.r.URL.Path == "/openapi/v2" {
		serveOlder(c)
		return true
	}
	path, ours := strings.CutPrefix(c.r.URL.Path, "/openapi/v3")
	if !ours {
		return false
	}
	o.once.Do(o.build)
	path = strings.Trim(path, "/")
	if path == "" {
		writeJSON(c.w, c.r, http.StatusOK, o.index())
		return true
	}
	document, known := o.documents[path]
	if !known {
		return false
	}
	c.w.Header().Set("Content-Type", "application/json")
	_, _ = c.w.Write(document) // a client that is gone needs no answer
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
		collection := root(gv) + "/" + kind.Plural
		if kind.Namespaced {
			collection = root(gv) + "/namespaces/{namespace}/" + kind.Plural
		}
		gvk := map[string]string{"group": gv.Group, "version": gv.Version, "kind": kind.Kind}
		content := map[string]any{"application/json": map[string]any{"schema": types.reference(kind.New())}}
		answer := map[string]any{"200": map[string]any{"description": "OK", "content": content}}
		operation := func(action string, parameters ...string) any {
			return map[string]any{
				"x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk,
				"parameters": queryParameters(parameters), "responses": answer,
			}
		}
		paths[collection] = map[string]any{
			"get":  operation("list", "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "watch"),
			"post": operation("post", "dryRun", "fieldManager", "fieldValidation"),
		}
		paths[collection+"/{name}"] = map[string]any{
			"get":    operation("get"),
			"put":    operation("put", "dryRun", "fieldManager", "fieldValidation"),
			"patch":  operation("patch", "dryRun", "fieldManager", "fieldValidation", "force"),
			"delete": operation("delete", "dryRun", "gracePeriodSeconds", "propagationPolicy"),
		}
	}
	return map[string]any{
		"openapi":    "3.0.0",
		"info":       map[string]string{"title": "Kubernetes", "version": gv.String()},
		"paths":      paths,
		"components": map[string]any{"schemas": types},
	}
}

func queryParameters(names []string) []any {
	parameters := []any{}
	for _, name := range names {
		parameters = append(parameters, map[string]any{"name": name, "in": "query", "schema": map[string]any{"type": "string", "uniqueItems": true}})
	}
	return parameters
}
