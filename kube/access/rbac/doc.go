// Package rbac lets the users of a cluster say who may do what.
//
// # The problem
//
// A program in a pod can prove who it is, and may do nothing. Somebody must be able to say: the deployer of this team may roll out in
// this namespace, and nowhere else. Who says so must not need the server's code for it, and must not give away what is not theirs.
//
// # The idea
//
// Two kinds of object, each in two sizes. A Role is a list of rules: verbs on resources, of one namespace. A RoleBinding gives the rules of one role
// to subjects: users, groups, service accounts. A ClusterRole and a ClusterRoleBinding do the same for all namespaces, and for what is in
// none; and a RoleBinding may name a ClusterRole, which then goes for the binding's namespace only. Rules add up. None takes anything away,
// so the order of rules and bindings means nothing, and who wants to know why something is allowed finds one binding that suffices.
//
// [Allow] holds a request against rules: the heart of all of it. [Find] gathers what is given to whoever asks, from what the server has
// in its memory anyway, and [Decide] says whether that is enough, and by which binding.
//
// Rights to write roles and bindings would be rights to everything, were it not for one more rule: one gives what one has. [Missing] is what
// somebody lacks of the rules that they would give; the exceptions have verbs of their own, escalate and bind. A rule is the product of its lists,
// so a short one can be about more than fits into memory: [TooWide] bounds what is compared.
//
// A ClusterRole may leave its rules to others: its aggregationRule selects ClusterRoles by their labels, and [Aggregate] joins what these
// allow. A loop keeps it so; who binds such a role must have all of its [Reach]. In this way whoever adds a kind adds rights to it to the
// roles admin, edit and view, which they need not know.
//
// What every cluster has at first, [DefaultRoles] and [DefaultBindings], the API server makes when it starts. [ReconcileRole] gives back what an older
// server did not know, and leaves what was added.
//
// # What is simplified
//
// What the parts of the cluster may do is not here, but declared beside their code (package component): no binding gives one of them
// more. Real Kubernetes has a ClusterRole for each of them, and does not know a user of its own from another. The group system:masters may do everything
// before any binding is read, there and here, so that nobody can lock everybody out.
//
// Chapter 24 is about access.
package rbac
