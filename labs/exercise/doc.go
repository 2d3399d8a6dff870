// Package exercise lets a student write a concept's decision himself.
//
// The problem: to have read a decision is not to have made one. And an exercise with a file of its own goes stale as
// soon as the real one changes.
//
// So an exercise is made from the reference itself: [Empty] takes the bodies of some functions out of the concept's plan and leaves
// their comments, which say the rule. The concept's own tests then run against the student's file, which takes the place
// of the reference while Go compiles (go build -overlay): nothing in the repository changes. And as every component is a
// subcommand of one program, a whole cluster can be built with that file: the student watches it run on his own code.
//
// Only functions of plans are taken out: they do no I/O, so their tests need no cluster and no root.
package exercise
