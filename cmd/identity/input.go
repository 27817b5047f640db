package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"
)

// maxSecretInput bounds what is read as a secret.
const maxSecretInput = 64 << 10

// readSecret reads a secret from a file, from standard input, or from the person
// at the terminal, who does not see it. Secrets are never arguments: every user
// of a machine can list those.
func (t *terminal) readSecret(what, file string, stdin bool) (string, error) {
	switch {
	case file != "" && stdin:
		return "", usageError{fmt.Errorf("%s: from a file or from standard input, not both", what)}
	case file != "":
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		return readLine(what, f)
	case stdin:
		return readLine(what, t.stdin)
	}
	in, ok := t.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", usageError{fmt.Errorf("%s is missing: give it with --password-stdin or --password-file", what)}
	}
	_, _ = fmt.Fprintf(t.stderr, "%s: ", what)
	b, err := term.ReadPassword(int(in.Fd()))
	_, _ = fmt.Fprintln(t.stderr)
	return string(b), err
}

// readLine reads all there is, without the line end that editors and echo add.
func readLine(what string, r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSecretInput))
	if err != nil {
		return "", err
	}
	s := strings.TrimRight(string(b), "\r\n")
	if s == "" {
		return "", usageError{fmt.Errorf("%s is empty", what)}
	}
	return s, nil
}

// confirm asks before what can't be undone, unless the person said yes already.
// The answer is the name: it can't be typed of habit.
func (t *terminal) confirm(yes bool, question, name string) error {
	if yes {
		return nil
	}
	in, ok := t.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return usageError{errors.New(question + " This can't be undone: repeat it with --yes")}
	}
	_, _ = fmt.Fprintf(t.stderr, "%s This can't be undone. Type %s: ", question, printable(name))
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		return err
	}
	if strings.TrimSpace(line) != name {
		return errors.New("nothing was changed")
	}
	return nil
}

// printJSON prints one value for programs.
func (t *terminal) printJSON(v any) error {
	enc := json.NewEncoder(t.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printTable prints rows for people.
func (t *terminal) printTable(header []string, rows [][]string) error {
	w := tabwriter.NewWriter(t.stdout, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}
