//go:build ignore

// generate makes guessed.txt and NOTICE of the frequency lists of a module that is
// not needed otherwise: go run generate.go
package main

import (
	"encoding/json"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	source = "github.com/ccojocar/zxcvbn-go@v1.0.4"
	// least is the length of the shortest word that is kept, in characters. Those
	// below the least length of a password are stems: "summer2030" is "summer".
	least = 4
)

func main() {
	log.SetFlags(0)
	out, err := exec.Command("go", "mod", "download", "-json", source).Output()
	must(err)
	var module struct{ Dir string }
	must(json.Unmarshal(out, &module))
	var words []string
	for _, name := range []string{"Passwords", "English", "FemaleNames", "MaleNames", "Surnames"} {
		b, err := os.ReadFile(filepath.Join(module.Dir, "data", "data", name+".json"))
		must(err)
		var file struct{ List []string }
		must(json.Unmarshal(b, &file))
		for _, word := range file.List {
			word = strings.ToLower(norm.NFKC.String(word))
			if utf8.RuneCountInString(word) >= least && !strings.ContainsAny(word, "\r\n") {
				words = append(words, word)
			}
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)
	must(os.WriteFile("guessed.txt", []byte(strings.Join(words, "\n")+"\n"), 0o644))
	licence, err := os.ReadFile(filepath.Join(module.Dir, "LICENSE.txt"))
	must(err)
	notice := "guessed.txt is made by generate.go of the frequency lists (passwords, English words,\n" +
		"first names and surnames) in " + source + ",\n" +
		"lower-cased and sorted. The module comes with this licence:\n\n" + strings.ReplaceAll(string(licence), "\r", "")
	must(os.WriteFile("NOTICE", []byte(strings.TrimRight(notice, "\n")+"\n"), 0o644))
	log.Printf("%d words", len(words))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
