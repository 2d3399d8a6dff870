package runtime

// matches says whether a filter lets an ID through; an empty filter lets all through.
func matches(filter, id string) bool { return filter == "" || filter == id }

// labelled says whether labels have everything that the selector asks for.
func labelled(selector, labels map[string]string) bool {
	for key, value := range selector {
		if has, found := labels[key]; !found || has != value {
			return false
		}
	}
	return true
}
