package apiserver

import (
	"net/http"
	"strings"

	openapi "github.com/google/gnostic-models/openapiv2"
	"google.golang.org/protobuf/proto"
)

// What kubectl wants the older description in, and what that is called in the answer: with an @ it is no valid media type.
const (
	olderWanted = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
	olderGiven  = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
)

// serveOlder answers /openapi/v2, which kubectl asks for when the newer description does not have a kind. It is true
// and empty: every kind that we have is in the newer one, and kubectl goes on to say that it knows no such kind.
func serveOlder(c *call) {
	document := &openapi.Document{
		Swagger: "2.0",
		Info:    &openapi.Info{Title: "Kubernetes", Version: "v2"},
		Paths:   &openapi.Paths{},
	}
	if !strings.Contains(c.r.Header.Get("Accept"), olderWanted) {
		writeJSON(c.w, c.r, http.StatusOK, map[string]any{
			"swagger": document.Swagger, "paths": map[string]any{},
			"info": map[string]string{"title": document.Info.Title, "version": document.Info.Version},
		})
		return
	}
	encoded, err := proto.Marshal(document)
	if err != nil {
		panic(err) // it is made of three texts
	}
	c.w.Header().Set("Content-Type", olderGiven)
	_, _ = c.w.Write(encoded) // a client that is gone needs no answer
}
