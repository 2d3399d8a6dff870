package chapters

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

//go:embed *.md
var files embed.FS

// Chapter is a chapter as a page shows it.
type Chapter struct {
	Entry
	HTML           string // trusted: it is made from the files of the program, not from what a user sent
	Previous, Next string // names of the nearest chapters that are written; empty: there is none
}

// ErrUnknown is the error for a chapter that the contents do not have, or that is yet to come.
var ErrUnknown = errors.New("no such chapter")

// Written says whether a chapter has its file.
func Written(name string) bool {
	_, err := fs.Stat(files, name+".md")
	return err == nil
}

// Markdown is the text of a chapter, as it stands in its file.
func Markdown(name string) ([]byte, error) {
	text, err := files.ReadFile(name + ".md")
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, name)
	}
	return text, nil
}

// Open renders a chapter.
func Open(name string) (*Chapter, error) {
	written := writtenEntries()
	for i, entry := range written {
		if entry.Name != name {
			continue
		}
		text, err := Markdown(name)
		if err != nil {
			return nil, err
		}
		chapter := &Chapter{Entry: entry}
		if chapter.HTML, err = render(text); err != nil {
			return nil, fmt.Errorf("chapters/%s.md: %w", name, err)
		}
		if i > 0 {
			chapter.Previous = written[i-1].Name
		}
		if i+1 < len(written) {
			chapter.Next = written[i+1].Name
		}
		return chapter, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrUnknown, name)
}

func writtenEntries() []Entry {
	var entries []Entry
	for _, part := range Contents {
		for _, entry := range part.Chapters {
			if Written(entry.Name) {
				entries = append(entries, entry)
			}
		}
	}
	return entries
}
