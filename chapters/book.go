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

// Glossary is the page of all terms. It opens as a chapter does, and has none before or after it.
var Glossary = Entry{Name: "glossary", Title: "Glossary", View: "cluster"}

// Open renders a chapter, or the glossary.
func Open(name string) (*Chapter, error) {
	if name == Glossary.Name {
		return rendered(Glossary)
	}
	written := writtenEntries()
	for i, entry := range written {
		if entry.Name != name {
			continue
		}
		chapter, err := rendered(entry)
		if err != nil {
			return nil, err
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

func rendered(entry Entry) (*Chapter, error) {
	text, err := Markdown(entry.Name)
	if err != nil {
		return nil, err
	}
	chapter := &Chapter{Entry: entry}
	if chapter.HTML, err = render(text); err != nil {
		return nil, fmt.Errorf("chapters/%s.md: %w", entry.Name, err)
	}
	return chapter, nil
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
