package rbac

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Missing is what is lacking of the wanted rules to whoever holds the others. Each of what is returned is about one resource of one
// group, of one name where the wanted rule has names, or about one path. Where a user has written the wanted rules, [TooWide] comes first.
func Missing(held, wanted []rbacv1.PolicyRule) []rbacv1.PolicyRule {
	missing := lack{at: map[subject]int{}, told: map[ask]bool{}}
	ofAll := slices.DeleteFunc(slices.Clone(held), ofNames) // what goes for some names, even for the empty one, is not what goes for all
	for _, rule := range wanted {
		held := held
		if !ofNames(rule) {
			held = ofAll
		}
		for part := range parts(rule) {
			for _, verb := range rule.Verbs {
				if !Allow(held, asAsked(part, verb)) {
					missing.add(part, verb)
				}
			}
		}
	}
	return missing.rules
}

func ofNames(rule rbacv1.PolicyRule) bool { return len(rule.ResourceNames) > 0 }

// parts are what a rule is about, one by one, without its verbs.
func parts(rule rbacv1.PolicyRule) iter.Seq[rbacv1.PolicyRule] {
	return func(yield func(rbacv1.PolicyRule) bool) {
		for _, path := range rule.NonResourceURLs {
			if !yield(rbacv1.PolicyRule{NonResourceURLs: []string{path}}) {
				return
			}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				part := rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}}
				if !ofNames(rule) && !yield(part) {
					return
				}
				for _, name := range rule.ResourceNames {
					part.ResourceNames = []string{name}
					if !yield(part) {
						return
					}
				}
			}
		}
	}
}

// asAsked is a part of a rule as somebody would ask for it: who may do all of it, may grant it. A star is covered by a star, and all
// names by a rule that has none.
func asAsked(part rbacv1.PolicyRule, verb string) Attributes {
	if len(part.NonResourceURLs) > 0 {
		return Attributes{Verb: verb, NonResource: true, Path: part.NonResourceURLs[0]}
	}
	asked := Attributes{Verb: verb, Group: part.APIGroups[0]}
	asked.Resource, asked.Subresource, _ = strings.Cut(part.Resources[0], "/")
	if len(part.ResourceNames) > 0 {
		asked.Name = part.ResourceNames[0]
	}
	return asked
}

// lack gathers what is missing: a rule for each part of which something is, with all verbs of it.
type lack struct {
	rules []rbacv1.PolicyRule
	at    map[subject]int // where the rule of a part is
	told  map[ask]bool
}

// subject is what a part of a rule is about, and ask is a verb on it: both are keys of maps.
type (
	subject struct {
		ofPath, ofName bool
		path           string
		group          string
		resource       string
		name           string
	}
	ask struct {
		subject
		verb string
	}
)

func subjectOf(part rbacv1.PolicyRule) subject {
	if len(part.NonResourceURLs) > 0 {
		return subject{ofPath: true, path: part.NonResourceURLs[0]}
	}
	about := subject{group: part.APIGroups[0], resource: part.Resources[0], ofName: ofNames(part)}
	if about.ofName {
		about.name = part.ResourceNames[0]
	}
	return about
}

func (l *lack) add(part rbacv1.PolicyRule, verb string) {
	about := subjectOf(part)
	if l.told[ask{about, verb}] {
		return
	}
	l.told[ask{about, verb}] = true
	at, known := l.at[about]
	if !known {
		at = len(l.rules)
		l.at[about], l.rules = at, append(l.rules, part)
	}
	l.rules[at].Verbs = append(l.rules[at].Verbs, verb)
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
