package rbac

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Missing is what is lacking of the wanted rules to whoever holds the others. Each of what is returned is about one resource of one
// group, of one name where the wanted rule has names, or about one path.
func Missing(held, wanted []rbacv1.PolicyRule) []rbacv1.PolicyRule {
	var missing []rbacv1.PolicyRule
	named := func(r rbacv1.PolicyRule) bool { return len(r.ResourceNames) > 0 }
	ofAll := slices.DeleteFunc(slices.Clone(held), named) // what goes for some names, even for the empty one, is not what goes for all
	for _, rule := range wanted {
		held := held
		if !named(rule) {
			held = ofAll
		}
		for _, part := range parts(rule) {
			lacking := slices.DeleteFunc(slices.Clone(rule.Verbs), func(verb string) bool { return Allow(held, asAsked(part, verb)) })
			if len(lacking) > 0 {
				missing = addVerbs(missing, part, lacking)
			}
		}
	}
	return missing
}

// parts are what a rule is about, one by one, without its verbs.
func parts(rule rbacv1.PolicyRule) []rbacv1.PolicyRule {
	var all []rbacv1.PolicyRule
	for _, path := range rule.NonResourceURLs {
		all = append(all, rbacv1.PolicyRule{NonResourceURLs: []string{path}})
	}
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			part := rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}}
			if len(rule.ResourceNames) == 0 {
				all = append(all, part)
			}
			for _, name := range rule.ResourceNames {
				part.ResourceNames = []string{name}
				all = append(all, part)
			}
		}
	}
	return all
}

// asAsked is a part of a rule as somebody would ask for it: who may do all of it, may grant it. A star is covered by a star, and all
// names by a rule that has none.
func asAsked(part rbacv1.PolicyRule, verb string) Attributes {
	if len(part.NonResourceURLs) > 0 {
		return Attributes{Verb: verb, Path: part.NonResourceURLs[0]}
	}
	asked := Attributes{Verb: verb, Group: part.APIGroups[0]}
	asked.Resource, asked.Subresource, _ = strings.Cut(part.Resources[0], "/")
	if len(part.ResourceNames) > 0 {
		asked.Name = part.ResourceNames[0]
	}
	return asked
}

// addVerbs adds a part with its verbs to rules, or the verbs to the rule that is about the same.
func addVerbs(rules []rbacv1.PolicyRule, part rbacv1.PolicyRule, verbs []string) []rbacv1.PolicyRule {
	about := Text(part)
	i := slices.IndexFunc(rules, func(r rbacv1.PolicyRule) bool {
		r.Verbs = nil
		return Text(r) == about
	})
	if i < 0 {
		part.Verbs = verbs
		return append(rules, part)
	}
	for _, verb := range verbs {
		if !slices.Contains(rules[i].Verbs, verb) {
			rules[i].Verbs = append(slices.Clone(rules[i].Verbs), verb)
		}
	}
	return rules
}

// Text is a rule as every Kubernetes writes it in a message.
func Text(rule rbacv1.PolicyRule) string {
	var fields []string
	for _, f := range []struct {
		name   string
		values []string
	}{
		{"APIGroups", rule.APIGroups}, {"Resources", rule.Resources}, {"NonResourceURLs", rule.NonResourceURLs},
		{"ResourceNames", rule.ResourceNames}, {"Verbs", rule.Verbs},
	} {
		if len(f.values) > 0 {
			fields = append(fields, fmt.Sprintf("%s:%q", f.name, f.values))
		}
	}
	return "{" + strings.Join(fields, ", ") + "}"
}
