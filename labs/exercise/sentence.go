package exercise

import (
	"strings"
	"unicode"
)

// kinds are words of one piece that have capitals inside.
var kinds = strings.NewReplacer("replica set", "ReplicaSet", "config map", "ConfigMap", "endpoint slice", "EndpointSlice")

// Sentence makes the rule out of a test's name: TestAPodStaysWhereItIs says that a pod stays where it is.
func Sentence(name string) string {
	letters := []rune(strings.TrimPrefix(name, "Test"))
	var sentence strings.Builder
	for i, letter := range letters {
		starts := unicode.IsUpper(letter) || unicode.IsDigit(letter) && !unicode.IsDigit(letters[max(i-1, 0)])
		// In a row of capitals the last one starts a word if small letters follow: APod is "a pod", UID stays.
		inRow := i > 0 && unicode.IsUpper(letter) && unicode.IsUpper(letters[i-1]) && (i+1 == len(letters) || !unicode.IsLower(letters[i+1]))
		if i > 0 && starts && !inRow {
			sentence.WriteByte(' ')
		}
		acronym := i+1 < len(letters) && unicode.IsUpper(letters[i+1]) && (i+2 == len(letters) || !unicode.IsLower(letters[i+2])) || inRow
		if i > 0 && !acronym {
			letter = unicode.ToLower(letter)
		}
		sentence.WriteRune(letter)
	}
	return kinds.Replace(sentence.String())
}
