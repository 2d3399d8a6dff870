package component

import (
	"errors"
	"fmt"
	"slices"
)

// Check says what is wrong with the declarations of all components, if anything is: all mistakes at once, each with the name of
// what it is about.
func Check(all []Component) error {
	var mistakes []error
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }
	names, users, loops := map[string]bool{}, map[string]string{}, map[string]string{}
	for i, c := range all {
		if c.Name == "" {
			wrong("component %d of %d has no name", i+1, len(all))
			continue
		}
		if names[c.Name] {
			wrong("component %s is declared twice: give one of them another name", c.Name)
		}
		names[c.Name] = true
		if !slices.Contains(places, c.Place) {
			wrong("component %s: place %q is unknown: it is one of %q", c.Name, c.Place, places)
		}
		if other := users[c.User]; c.User != "" && other != "" {
			wrong("components %s and %s are the same user %s: who has the key of one could do what the other may", other, c.Name, c.User)
		}
		users[c.User] = c.Name
		for _, loop := range c.Loops {
			if other := loops[loop.Name]; loop.Name == "" || loop.Resource == "" {
				wrong("component %s: a loop needs a name and the resource that its keys name, not %q and %q", c.Name, loop.Name, loop.Resource)
			} else if other != "" {
				wrong("loop %s of component %s is declared by %s, too: step mode could not tell them apart", loop.Name, c.Name, other)
			}
			loops[loop.Name] = c.Name
		}
		mistakes = append(mistakes, c.checkRights()...)
	}
	return errors.Join(mistakes...)
}

// checkRights says what is wrong with a component's rights.
func (c Component) checkRights() (mistakes []error) {
	wrong := func(format string, args ...any) {
		mistakes = append(mistakes, fmt.Errorf("component "+c.Name+": "+format, args...))
	}
	if c.User == "" {
		if len(c.Rights)+len(c.Loops) > 0 || c.Lease != "" {
			wrong("it has rights, loops or a lease and no user: say who it is to the API server")
		}
		return mistakes
	}
	if len(c.Rights) == 0 && len(c.Loops) == 0 && c.Place != Commands {
		wrong("it is the user %s and has no rights: declare what it may do, or give it no user", c.User)
	}
	for _, loop := range c.Loops {
		if len(loop.Rights) == 0 {
			wrong("loop %s has no rights: declare what it reads and writes", loop.Name)
		}
	}
	for _, right := range c.AllRights() {
		switch {
		case len(right.Verbs) == 0 || len(right.Resources)+len(right.Paths) == 0:
			wrong("a right needs verbs, and resources or paths: %v", right.Rule())
		case right.Everything() && right.Reason == "":
			wrong("the right to %q %q of group %q is one to everything: name what it is for, or say why it must be so wide", right.Verbs, right.Resources, right.Group)
		case right.Of != Anybodys && c.Place != Node:
			wrong("a right to what %s is for what runs on a node", right.Of)
		}
	}
	return mistakes
}
