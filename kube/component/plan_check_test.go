package component

import (
	"strings"
	"testing"
)

func TestAMistakeInADeclarationIsToldWithItsNameAndItsRemedy(t *testing.T) {
	reads := []Right{May("list watch", "", "pods")}
	good := func(edit func(*Component)) Component {
		c := Component{Name: "gardener", Place: ControlPlane, User: "system:gardener", Loops: []Loop{{"weeds", "pods", reads}}}
		edit(&c)
		return c
	}
	plain := good(func(*Component) {})
	if err := Check([]Component{plain, {Name: "shed", Place: Machine}}); err != nil {
		t.Fatal(err)
	}
	for want, all := range map[string][]Component{
		"component 1 of 1 has no name":                                        {{Place: Node}},
		"component gardener is declared twice: give one of them another name": {plain, plain},
		`component gardener: place "attic" is unknown: it is one of ["control plane" "node"`: {
			good(func(c *Component) { c.Place = "attic" })},
		"components gardener and smith are the same user system:gardener": {
			plain, {Name: "smith", Place: Node, User: "system:gardener", Rights: reads}},
		"loop weeds of component smith is declared by gardener, too": {
			plain, {Name: "smith", Place: Node, User: "system:smith", Loops: []Loop{{"weeds", "nodes", reads}}}},
		"a loop needs a name and the resource":                       {good(func(c *Component) { c.Loops[0].Resource = "" })},
		"loop weeds has no rights: declare what it reads and writes": {good(func(c *Component) { c.Loops[0].Rights = nil })},
		"it is the user system:gardener and has no rights":           {good(func(c *Component) { c.Loops = nil })},
		"has rights, loops or a lease and no user":                   {good(func(c *Component) { c.User = "" })},
		"a right needs verbs, and resources or paths":                {good(func(c *Component) { c.Rights = []Right{May("", "", "pods")} })},
		`the right to ["get"] ["*"] of group "" is one to everything`: {
			good(func(c *Component) { c.Rights = []Right{May("get", "", "*")} })},
		"a right to what is a pod of the node is for what runs on a node": {
			good(func(c *Component) { c.Rights = []Right{May("get", "", "pods").Only(OwnPods)} })},
	} {
		if err := Check(all); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	wide := good(func(c *Component) { c.Rights = []Right{May("get", "", "*").Because("it weeds everywhere")} })
	if err := Check([]Component{wide}); err != nil {
		t.Errorf("a wide right that says why: %v", err)
	}
}

func TestAComponentMayDoWhatItsLoopsMayAndWhatGoesWithThem(t *testing.T) {
	c := Component{Name: "a", User: "b", Lease: "l", Rights: []Right{WriteEvents}, Loops: []Loop{{"x", "pods", []Right{May("list", "", "pods")}}}}
	var got []string
	for _, right := range c.AllRights() {
		got = append(got, strings.Join(right.Verbs, " ")+" "+strings.Join(append(right.Resources, right.Paths...), " ")+" "+strings.Join(right.Names, " ")+"@"+right.Namespace)
	}
	want := "create patch events @|list pods @|post /kubelab/steps @|list watch configmaps step-mode@kube-system|get namespaces kube-system@|get create update leases l@kube-system"
	if text := strings.Join(got, "|"); text != want {
		t.Errorf("got %s\nwant %s", text, want)
	}
}
