package rbac

import (
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
)

// How much is compared for one write. What a rule is about is the product of its lists, which a short text can make larger than any memory; and
// all of it is held against all that the writer has.
const (
	maxAsks     = 100_000    // verbs on what the wanted rules are about, one by one
	maxCompared = 50_000_000 // values of the held rules that all of these are compared with
	maxValue    = 1024       // bytes of a value
)

// TooWide says which of the wanted rules is too much for [Missing], and why. Where all are fit to be compared, why is empty.
func TooWide(held, wanted []rbacv1.PolicyRule) (rule int, why string) {
	values := 1
	for _, rule := range held {
		values += len(rule.Verbs) + len(rule.APIGroups) + len(rule.Resources) + len(rule.ResourceNames) + len(rule.NonResourceURLs)
	}
	left := min(maxAsks, maxCompared/values)
	for i, rule := range wanted {
		for _, list := range [][]string{rule.Verbs, rule.APIGroups, rule.Resources, rule.ResourceNames, rule.NonResourceURLs} {
			if slices.ContainsFunc(list, func(value string) bool { return len(value) > maxValue }) {
				return i, fmt.Sprintf("a value is longer than %d bytes: name what is there", maxValue)
			}
		}
		if left -= asks(rule); left < 0 {
			return i, "the rules come to more verbs on resources than can be compared with what you have: write a \"*\" in place of long lists, or several roles"
		}
	}
	return 0, ""
}

// asks is how many verbs on how many things a rule is, or some number above maxAsks.
func asks(rule rbacv1.PolicyRule) int {
	things := min(len(rule.APIGroups)*len(rule.Resources), maxAsks+1) * max(len(rule.ResourceNames), 1)
	return min(things+len(rule.NonResourceURLs), maxAsks+1) * max(len(rule.Verbs), 1)
}
