// Package removal removes directories that somebody else has filled.
//
// A container's root makes in its own files what it likes: links that lead out, mounts, directories in directories in directories. Whoever
// removes them is the node's root. So a link is removed and never followed, nothing is entered that is mounted, and how deep a
// tree is does not matter: a directory that is being emptied takes a file descriptor for each directory above it, and the table of these is soon full.
package removal

// All removes what there is at a path, if there is anything: a file, a link, or a directory with all that is in it. What is mounted in there is
// an error, and stays.
func All(path string) error { return all(path) }
