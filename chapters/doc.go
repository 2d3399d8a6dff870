// Package chapters is the book: one Markdown file per chapter, and what turns it into a page of the lab site.
//
// The files read well as they are. A page shows two things more. A paragraph that is nothing but a link to a
// file of the house, and whose text names a symbol in it,
//
//	[kube/replicasets: func Decide](../kube/replicasets/plan.go)
//
// becomes that symbol's code, taken from the source, so that prose and code cannot drift apart. And a path of the house
// in code type, `kube/replicasets/plan.go`, opens the file. A test resolves every reference of every chapter.
// "signature of func Decide" shows a function without its body: so does a chapter with one that an exercise asks for.
package chapters
