// Package rules keeps a table of nftables the way a database keeps rows.
//
// # The problem
//
// A node's packets go by rules of several owners: each Service has some, each policy will. They change one by one, all the time, and
// the kernel takes changes as transactions: a whole transaction or nothing. To write a table of ten thousand services anew for one
// of them would take a second; and one row that the kernel refuses must not keep the others out.
//
// # The idea
//
// The rules themselves never change: they look addresses up in maps and sets. What changes are rows of these ([Row]). An
// owner says which rows it wants ([Table.Put]); the table knows who wants what, and says which rows come and go, which is a pure
// function of both. A [Loader] brings that difference to the kernel in one transaction. When the kernel refuses it, the
// loader finds out by halves whose rows are at fault, says so, and loads the others.
//
// # What is simplified
//
// Upstream's proxy keeps chains and rules for each service beside its maps. Here a chain is a row too, with one rule in it.
//
// Chapter 13 shows such a table.
package rules
