package rbac

import (
	"cmp"
	"slices"
	"strings"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
)

// Kinds are the kinds of this room.
var Kinds = []api.Kind{role.Kind(), clusterRole.Kind(), roleBinding.Kind(), clusterRoleBinding.Kind()}

// nameRule says what is wrong with the name of a role or binding: it may have colons, unlike others, and must fit into a path.
func nameRule(name string, prefix bool) []string {
	if prefix {
		return content.IsPathSegmentPrefix(name)
	}
	return content.IsPathSegmentName(name)
}

// A role is a list of what may be done in its namespace.
var role = api.Type[*rbacv1.Role]{
	Names:    api.Names{Plural: roles, Namespaced: true, NameRule: nameRule},
	Validate: func(r *rbacv1.Role) field.ErrorList { return validateRules(r.Rules, true) },
	Columns:  []api.ColumnOf[*rbacv1.Role]{createdAt[*rbacv1.Role]()},
}

// A clusterRole is a list of what may be done in all namespaces, and to what is in none.
var clusterRole = api.Type[*rbacv1.ClusterRole]{
	Names: api.Names{Plural: clusterRoles, NameRule: nameRule},
	Validate: func(r *rbacv1.ClusterRole) field.ErrorList {
		return append(validateRules(r.Rules, false), validateAggregation(r.AggregationRule)...)
	},
	Columns: []api.ColumnOf[*rbacv1.ClusterRole]{createdAt[*rbacv1.ClusterRole]()},
}

// A roleBinding gives the rules of a role to subjects, in its namespace.
var roleBinding = api.Type[*rbacv1.RoleBinding]{
	Names:   api.Names{Plural: roleBindings, Namespaced: true, NameRule: nameRule},
	Default: func(b *rbacv1.RoleBinding) { defaultBinding(&b.RoleRef, b.Subjects) },
	Validate: func(b *rbacv1.RoleBinding) field.ErrorList {
		return append(ValidateRoleRef(b.RoleRef, true), validateSubjects(b.Subjects, true)...)
	},
	ValidateUpdate: func(new, old *rbacv1.RoleBinding) field.ErrorList { return validateSameRole(new.RoleRef, old.RoleRef) },
	Columns: bindingColumns(func(b *rbacv1.RoleBinding) (rbacv1.RoleRef, []rbacv1.Subject) {
		return b.RoleRef, b.Subjects
	}),
}

// A clusterRoleBinding gives the rules of a ClusterRole to subjects, everywhere.
var clusterRoleBinding = api.Type[*rbacv1.ClusterRoleBinding]{
	Names:   api.Names{Plural: clusterRoleBindings, NameRule: nameRule},
	Default: func(b *rbacv1.ClusterRoleBinding) { defaultBinding(&b.RoleRef, b.Subjects) },
	Validate: func(b *rbacv1.ClusterRoleBinding) field.ErrorList {
		return append(ValidateRoleRef(b.RoleRef, false), validateSubjects(b.Subjects, false)...)
	},
	ValidateUpdate: func(new, old *rbacv1.ClusterRoleBinding) field.ErrorList {
		return validateSameRole(new.RoleRef, old.RoleRef)
	},
	Columns: bindingColumns(func(b *rbacv1.ClusterRoleBinding) (rbacv1.RoleRef, []rbacv1.Subject) {
		return b.RoleRef, b.Subjects
	}),
}

// defaultBinding fills in the API groups: a person writes kinds and names.
func defaultBinding(role *rbacv1.RoleRef, subjects []rbacv1.Subject) {
	role.APIGroup = cmp.Or(role.APIGroup, rbacv1.GroupName)
	for i := range subjects {
		if subjects[i].Kind == rbacv1.UserKind || subjects[i].Kind == rbacv1.GroupKind {
			subjects[i].APIGroup = cmp.Or(subjects[i].APIGroup, rbacv1.GroupName)
		}
	}
}

func validateRules(rules []rbacv1.PolicyRule, namespaced bool) field.ErrorList {
	var errs field.ErrorList
	for i, rule := range rules {
		errs = append(errs, validateRule(rule, namespaced, field.NewPath("rules").Index(i))...)
	}
	return errs
}

// validateRule: a rule is about resources or about paths, and paths are in no namespace.
func validateRule(rule rbacv1.PolicyRule, namespaced bool, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(rule.Verbs) == 0 {
		errs = append(errs, field.Required(at.Child("verbs"), "verbs must contain at least one value"))
	}
	if urls := rule.NonResourceURLs; len(urls) > 0 {
		if namespaced {
			errs = append(errs, field.Invalid(at.Child("nonResourceURLs"), urls, "namespaced rules cannot apply to non-resource URLs"))
		}
		if len(rule.APIGroups)+len(rule.Resources)+len(rule.ResourceNames) > 0 {
			errs = append(errs, field.Invalid(at.Child("nonResourceURLs"), urls, "rules cannot apply to both regular resources and non-resource URLs"))
		}
		return errs
	}
	if len(rule.APIGroups) == 0 {
		errs = append(errs, field.Required(at.Child("apiGroups"), "resource rules must supply at least one api group"))
	}
	if len(rule.Resources) == 0 {
		errs = append(errs, field.Required(at.Child("resources"), "resource rules must supply at least one resource"))
	}
	return errs
}

func validateAggregation(rule *rbacv1.AggregationRule) field.ErrorList {
	if rule == nil {
		return nil
	}
	at := field.NewPath("aggregationRule", "clusterRoleSelectors")
	if len(rule.ClusterRoleSelectors) == 0 {
		return field.ErrorList{field.Required(at, "at least one clusterRoleSelector required if aggregationRule is non-nil")}
	}
	var errs field.ErrorList
	for i := range rule.ClusterRoleSelectors {
		errs = append(errs, metav1validation.ValidateLabelSelector(&rule.ClusterRoleSelectors[i], metav1validation.LabelSelectorValidationOptions{}, at.Index(i))...)
	}
	return errs
}

// ValidateRoleRef says what is wrong with the role that a binding names: a RoleBinding (in a namespace) or a ClusterRoleBinding.
func ValidateRoleRef(ref rbacv1.RoleRef, namespaced bool) field.ErrorList {
	kinds := []string{"ClusterRole"}
	if namespaced {
		kinds = []string{"Role", "ClusterRole"}
	}
	var errs field.ErrorList
	at := field.NewPath("roleRef")
	if ref.APIGroup != rbacv1.GroupName {
		errs = append(errs, field.NotSupported(at.Child("apiGroup"), ref.APIGroup, []string{rbacv1.GroupName}))
	}
	if !slices.Contains(kinds, ref.Kind) {
		errs = append(errs, field.NotSupported(at.Child("kind"), ref.Kind, kinds))
	}
	if ref.Name == "" {
		return append(errs, field.Required(at.Child("name"), ""))
	}
	for _, wrong := range content.IsPathSegmentName(ref.Name) {
		errs = append(errs, field.Invalid(at.Child("name"), ref.Name, wrong))
	}
	return errs
}

// validateSameRole: who was let into a role by a binding has agreed to nothing else.
func validateSameRole(new, old rbacv1.RoleRef) field.ErrorList {
	if new == old {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("roleRef"), new, "cannot change roleRef")}
}

func validateSubjects(subjects []rbacv1.Subject, namespaced bool) field.ErrorList {
	var errs field.ErrorList
	for i, subject := range subjects {
		errs = append(errs, validateSubject(subject, namespaced, field.NewPath("subjects").Index(i))...)
	}
	return errs
}

func validateSubject(s rbacv1.Subject, namespaced bool, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if s.Name == "" {
		errs = append(errs, field.Required(at.Child("name"), ""))
	}
	switch s.Kind {
	case rbacv1.ServiceAccountKind:
		if s.Name != "" {
			for _, wrong := range validation.ValidateServiceAccountName(s.Name, false) {
				errs = append(errs, field.Invalid(at.Child("name"), s.Name, wrong))
			}
		}
		if s.APIGroup != "" {
			errs = append(errs, field.NotSupported(at.Child("apiGroup"), s.APIGroup, []string{""}))
		}
		if !namespaced && s.Namespace == "" {
			errs = append(errs, field.Required(at.Child("namespace"), ""))
		}
	case rbacv1.UserKind, rbacv1.GroupKind:
		if s.APIGroup != rbacv1.GroupName {
			errs = append(errs, field.NotSupported(at.Child("apiGroup"), s.APIGroup, []string{rbacv1.GroupName}))
		}
	default:
		errs = append(errs, field.NotSupported(at.Child("kind"), s.Kind, []string{rbacv1.ServiceAccountKind, rbacv1.UserKind, rbacv1.GroupKind}))
	}
	return errs
}

// createdAt is the one column of roles: of rules a table can show nothing.
func createdAt[T api.Object]() api.ColumnOf[T] {
	return api.ColumnOf[T]{Name: "Created At", Type: "date", Value: func(o T) any {
		return o.GetCreationTimestamp().UTC().Format(time.RFC3339)
	}}
}

func bindingColumns[T api.Object](of func(T) (rbacv1.RoleRef, []rbacv1.Subject)) []api.ColumnOf[T] {
	wide := func(title, kind string) api.ColumnOf[T] {
		return api.ColumnOf[T]{Name: title, Type: "string", Wide: true, Value: func(b T) any {
			_, subjects := of(b)
			return namesOf(subjects, kind, b.GetNamespace())
		}}
	}
	return []api.ColumnOf[T]{
		{Name: "Role", Type: "string", Value: func(b T) any {
			ref, _ := of(b)
			return ref.Kind + "/" + ref.Name
		}},
		api.AgeColumn[T](),
		wide("Users", rbacv1.UserKind), wide("Groups", rbacv1.GroupKind), wide("ServiceAccounts", rbacv1.ServiceAccountKind),
	}
}

// namesOf are the subjects of a kind, as a table shows them.
func namesOf(subjects []rbacv1.Subject, kind, namespace string) string {
	var names []string
	for _, s := range subjects {
		switch {
		case s.Kind != kind:
		case kind == rbacv1.ServiceAccountKind:
			names = append(names, accountNamespace(s, namespace)+"/"+s.Name)
		default:
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, ", ")
}
