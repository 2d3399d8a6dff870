package trace

// Change is what the write of a step did to its object, as JSON documents without managed fields and without a
// Secret's values. Nil says that there was, or is, no such object.
type Change struct {
	Before map[string]any `json:"before"`
	After  map[string]any `json:"after"`
}

// ChangePath is where the API server tells an administrator the [Change] of a step that has a revision. It answers
// 404 for other steps, and 410 when the store has forgotten the revision: ten to twenty minutes later.
func ChangePath(id ID) string { return Path + "/" + string(id) + "/change" }
