package labs

import (
	"maps"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// command reads a line to type: a text, or {do, fails, within}.
func (r *reader) command(n *yaml.Node) Command {
	command := Command{Within: runTerm}
	if n.Kind != yaml.MappingNode {
		r.text(&command.Do)(n)
		return command
	}
	r.mapping(n, "the command", fields{
		"do": r.text(&command.Do), "fails": parsed(r, &command.Fails, parseFlag), "within": parsed(r, &command.Within, parseTerm),
	}, "do")
	return command
}

// check reads a check: a text, or {run, says, expect or matches, within}.
func (r *reader) check(n *yaml.Node) Check {
	check := Check{Within: checkTerm}
	if n.Kind != yaml.MappingNode {
		r.text(&check.Run)(n)
		return check
	}
	r.mapping(n, "the check", r.checkFields(&check), "run")
	r.oneExpectation(n, check)
	return check
}

func (r *reader) checkFields(check *Check) fields {
	return fields{
		"run": r.text(&check.Run), "says": r.text(&check.Says), "expect": r.exact(&check.Expect),
		"matches": parsed(r, &check.Matches, regexp.Compile), "within": parsed(r, &check.Within, parseTerm),
	}
}

func (r *reader) oneExpectation(n *yaml.Node, check Check) {
	if check.Expect != nil && check.Matches != nil {
		r.wrong(n, "expect is the exact text and matches a pattern: say one of them")
	}
}

func (r *reader) hold(n *yaml.Node) Hold {
	hold := Hold{Check: Check{Within: checkTerm}}
	known := r.checkFields(&hold.Check)
	maps.Copy(known, fields{"worse": list(r, &hold.Worse, r.command), "mend": list(r, &hold.Mend, r.command)})
	r.mapping(n, "what holds", known, "run", "worse")
	r.oneExpectation(n, hold.Check)
	if hold.Worse != nil && len(hold.Worse) == 0 {
		r.wrong(n, "worse is empty: nothing would prove that this can fail")
	}
	return hold
}

// hints gives a reader of a hint: a text, {when, say or run}, or a list of these.
func (r *reader) hints(to *[]Hint) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind == yaml.SequenceNode {
			list(r, to, r.hint)(n)
			return
		}
		*to = []Hint{r.hint(n)}
	}
}

func (r *reader) hint(n *yaml.Node) (hint Hint) {
	if n.Kind != yaml.MappingNode {
		r.text(&hint.Say)(n)
		return hint
	}
	r.mapping(n, "the hint", fields{"when": parsed(r, &hint.When, regexp.Compile), "say": r.text(&hint.Say), "run": r.text(&hint.Run)})
	if (hint.Say == "") == (hint.Run == "") {
		r.wrong(n, "a hint has either say, a text, or run, a command that finds out what to say")
	}
	return hint
}
