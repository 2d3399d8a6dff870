package rbac

import "kubelab/kube/component"

// Loops are the loop of this room, and what it may do. It gives nobody anything: the API server lets it write the rules that an
// aggregationRule comes to, and no others.
var Loops = []component.Loop{{
	Name: "clusterroles", Resource: clusterRoles, Rights: []component.Right{
		component.May("list watch update", "rbac.authorization.k8s.io", clusterRoles),
	},
}}
