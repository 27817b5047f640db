package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// mirrored is the locale that is written from right to left: the sentences of
// English in Arabic letters, which nobody can read, so that what stands still in
// Latin letters was never in the locales.
const (
	mirrored    = "rtl"
	mirroredTag = "ar"
)

// forms are the plural forms of Arabic.
var forms = [...]string{"zero", "one", "two", "few", "many", "other"}

// arabic writes with Arabic letters that join as those of real words do.
var arabic = strings.NewReplacer(
	"a", "ا", "b", "ب", "c", "س", "d", "د", "e", "ي", "f", "ف", "g", "ج", "h", "ه", "i", "ي", "j", "ج", "k", "ك", "l", "ل", "m", "م",
	"n", "ن", "o", "و", "p", "ب", "q", "ق", "r", "ر", "s", "س", "t", "ت", "u", "و", "v", "ف", "w", "و", "x", "خ", "y", "ي", "z", "ز",
	"?", "؟", ",", "،", ";", "؛",
)

// mirror makes a folder of own pages with that locale in it, and with what the
// operator's folder has.
func mirror(english, own string) (string, error) {
	folder, err := os.MkdirTemp("", "screenshots")
	if err != nil {
		return "", err
	}
	if own != "" {
		if err := os.CopyFS(folder, os.DirFS(own)); err != nil {
			return folder, err
		}
	}
	file := filepath.Join(folder, "locales", mirroredTag+".json")
	if _, err := os.Stat(file); err == nil {
		return folder, nil // a real one
	}
	text, err := os.ReadFile(english)
	if err != nil {
		return folder, fmt.Errorf("%w (run it in the folder of go.mod)", err)
	}
	var sentences map[string]any
	if err := json.Unmarshal(text, &sentences); err != nil {
		return folder, fmt.Errorf("%s: %w", english, err)
	}
	delete(sentences, "layout.moment") // no sentence
	for id, sentence := range sentences {
		one, ok := sentence.(map[string]any)
		if !ok {
			sentences[id] = letters(fmt.Sprint(sentence))
			continue
		}
		all := map[string]string{}
		for _, form := range forms {
			all[form] = letters(fmt.Sprint(one["other"]))
		}
		sentences[id] = all
	}
	if text, err = json.Marshal(sentences); err != nil {
		return folder, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return folder, err
	}
	return folder, os.WriteFile(file, text, 0o644)
}

// letters writes a sentence with Arabic letters, and leaves its values alone.
func letters(sentence string) string {
	var b strings.Builder
	for sentence != "" {
		text, rest, value := strings.Cut(sentence, "{{")
		b.WriteString(arabic.Replace(strings.ToLower(text)))
		if !value {
			break
		}
		name, after, _ := strings.Cut(rest, "}}")
		b.WriteString("{{" + name + "}}")
		sentence = after
	}
	return b.String()
}
