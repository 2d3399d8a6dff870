package discovery

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	openapi "github.com/google/gnostic-models/openapiv2"
	"google.golang.org/protobuf/proto"
)

// The older description, OpenAPI v2, is one document with everything. Clients that do not know the newer ones check manifests
// by it, merge by it, and see in it what the server can do. It is made from the newer ones when it is first asked for.

// What clients want it in, and what that is called in the answer: with an @ it is no valid media type.
const (
	olderWanted = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
	olderGiven  = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
)

// serveOlder answers /openapi/v2.
func (o *openAPI) serveOlder(w http.ResponseWriter, r *http.Request) {
	o.older.Do(func() {
		if err := o.buildOlder(); err != nil {
			panic(err) // it is made of what this server itself has described
		}
	})
	mediaType, document := "application/json", o.olderJSON
	if strings.Contains(r.Header.Get("Accept"), olderWanted) {
		mediaType, document = olderGiven, o.olderBinary
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(document) // a client that is gone needs no answer
}

func (o *openAPI) buildOlder() error {
	paths, definitions := map[string]any{}, map[string]any{}
	for _, encoded := range o.documents {
		var newer struct {
			Paths      map[string]map[string]any
			Components struct{ Schemas map[string]map[string]any }
		}
		if err := json.Unmarshal(encoded, &newer); err != nil {
			return err
		}
		for path, operations := range newer.Paths {
			paths[path] = olderPath(operations)
		}
		for name, schema := range newer.Components.Schemas {
			definition := olderSchema(schema).(map[string]any)
			if known, there := definitions[name].(map[string]any); there { // two groups have it, and one may know of more kinds
				maps.Copy(known, definition)
				continue
			}
			definitions[name] = definition
		}
	}
	var err error
	o.olderJSON, err = json.Marshal(map[string]any{
		"swagger": "2.0", "info": map[string]string{"title": "Kubernetes", "version": "v2"},
		"paths": paths, "definitions": definitions,
	})
	if err != nil {
		return err
	}
	document, err := openapi.ParseDocument(o.olderJSON)
	if err != nil {
		return err
	}
	o.olderBinary, err = proto.Marshal(document)
	return err
}

// olderPath is what can be done at a path, in the words of OpenAPI v2: the body is a parameter, and has one schema.
func olderPath(operations map[string]any) map[string]any {
	older := map[string]any{}
	for name, operation := range operations {
		if name == "parameters" {
			older[name] = olderParameters(operation.([]any))
			continue
		}
		operation := operation.(map[string]any)
		parameters := olderParameters(operation["parameters"].([]any))
		if kind := operation["x-kubernetes-group-version-kind"].(map[string]any)["kind"]; kind == "Namespace" && name == "patch" {
			parameters = slices.DeleteFunc(parameters, isFieldValidation)
		}
		if body, ok := operation["requestBody"].(map[string]any); ok {
			parameters = append(parameters, map[string]any{"name": "body", "in": "body", "required": true, "schema": contentSchema(body)})
		}
		answers := map[string]any{}
		for code, answer := range operation["responses"].(map[string]any) {
			answer := answer.(map[string]any)
			answers[code] = map[string]any{"description": answer["description"], "schema": contentSchema(answer)}
		}
		older[name] = map[string]any{
			"consumes": []string{"*/*"}, "produces": []string{"application/json", "application/yaml", "application/vnd.kubernetes.protobuf"},
			"schemes": []string{"https"}, "parameters": parameters, "responses": answers,
			"x-kubernetes-action": operation["x-kubernetes-action"], "x-kubernetes-group-version-kind": operation["x-kubernetes-group-version-kind"],
		}
	}
	return older
}

// isFieldValidation finds the parameter that namespaces are said not to have. By it kubectl tells whether a kind that it does not find may
// be a custom one; it would ask for those, and there are none yet.
func isFieldValidation(parameter any) bool {
	return parameter.(map[string]any)["name"] == "fieldValidation"
}

// contentSchema is the schema of a body.
func contentSchema(body map[string]any) any {
	for _, form := range body["content"].(map[string]any) { // all have the same
		return olderSchema(form.(map[string]any)["schema"])
	}
	return nil
}

// olderParameters have their type beside their name, not in a schema.
func olderParameters(newer []any) []any {
	older := []any{}
	for _, parameter := range newer {
		flat := maps.Clone(parameter.(map[string]any))
		schema := flat["schema"].(map[string]any)
		delete(flat, "schema")
		maps.Copy(flat, schema)
		older = append(older, flat)
	}
	return older
}

// olderSchema has definitions where the newer has components, words beside a reference, and one type for each value.
func olderSchema(value any) any {
	switch value := value.(type) {
	case []any:
		older := []any{}
		for _, element := range value {
			older = append(older, olderSchema(element))
		}
		return older
	case map[string]any:
		older := map[string]any{}
		for name, part := range value {
			older[name] = olderSchema(part)
		}
		if name, isReference := older["$ref"].(string); isReference {
			older["$ref"] = strings.Replace(name, "#/components/schemas/", "#/definitions/", 1)
		}
		if all, isOneReference := older["allOf"].([]any); isOneReference && len(all) == 1 {
			delete(older, "allOf")
			delete(older, "default")
			maps.Copy(older, all[0].(map[string]any))
		}
		if _, isChoice := older["oneOf"].([]any); isChoice {
			delete(older, "oneOf")
			older["type"] = "string"
		}
		return older
	}
	return value
}
