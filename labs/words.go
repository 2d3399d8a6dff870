package labs

import (
	"fmt"
	"slices"
	"strings"
)

// unknown says that a name is none of those known, and which may be meant.
func unknown(what, name string, known []string) error {
	return fmt.Errorf("%s %q: %w%s", what, name, ErrUnknown, suggestion(name, known))
}

// suggestion names the known word that is nearest, or all of them if none is near.
func suggestion(word string, known []string) string {
	if len(known) == 0 {
		return ""
	}
	nearest := slices.MinFunc(known, func(a, b string) int { return distance(word, a) - distance(word, b) })
	if distance(word, nearest) <= 2 {
		return "; did you mean " + nearest + "?"
	}
	return "; known are " + strings.Join(known, ", ")
}

// distance is how many letters have to be put in, taken out or replaced to make b of a (Levenshtein's).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
