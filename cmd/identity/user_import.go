package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

const (
	importBatch   = 500 // rows of one call, the most that the service takes
	importBytes   = 256 << 10
	maxImportLine = 256 << 10
)

func newUserImport(t *terminal) *cobra.Command {
	format, dry := "", false
	cmd := &cobra.Command{
		Use: "import FILE|-", Short: "Make accounts from a file, with the password hashes of another system", Args: oneArg,
		Long: `Make accounts from a file, with the password hashes of another system. A bad row is
told, and hurts no other; an account that exists already is a bad row, so that the
same file may be imported again.

JSON lines: an object for each account with the fields of User in docs/api, and
password_hash. CSV: a header with the same names. Hashes are in PHC or modular crypt
format of argon2, bcrypt, scrypt or PBKDF2, and are made anew at the next sign-in.`,
		Example: `  identity user import people.jsonl --dry-run
  identity user import people.csv --project shop`,
	}
	cmd.Flags().StringVar(&format, "format", "", "jsonl or csv (default: by the name of the file, else jsonl)")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "check every row, make nothing")
	return t.apiCall(cmd, func(ctx context.Context, a *api, args []string) error {
		in := a.stdin
		if args[0] != "-" {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			in = f
		}
		if format == "" && strings.HasSuffix(args[0], ".csv") {
			format = "csv"
		}
		rows, err := rowsOf(in, format)
		if err != nil {
			return err
		}
		i := &userImport{api: a, dry: dry}
		if err := i.all(ctx, rows); err != nil {
			return err
		}
		return i.report()
	})
}

// userImport sends rows, and keeps what became of them.
type userImport struct {
	*api
	dry             bool
	line, made, bad int
	batch           []*adminv1.ImportedUser
	lines           []int // of the batch, in the file
	size            int   // of the batch
	faults          []importFault
}

type importFault struct {
	Line  int    `json:"line"`
	Field string `json:"field,omitempty"`
	Error string `json:"error"`
}

func (i *userImport) all(ctx context.Context, rows func() (*adminv1.ImportedUser, int, error)) error {
	for {
		row, line, err := rows()
		var broken *rowError
		switch {
		case errors.Is(err, io.EOF):
			return i.send(ctx)
		case errors.As(err, &broken):
			i.fault(line, "", broken.Error())
			continue
		case err != nil:
			return err
		}
		i.batch, i.lines, i.size = append(i.batch, row), append(i.lines, line), i.size+proto.Size(row)
		if len(i.batch) == importBatch || i.size > importBytes {
			if err := i.send(ctx); err != nil {
				return err
			}
		}
	}
}

func (i *userImport) fault(line int, field, text string) {
	i.bad++
	i.faults = append(i.faults, importFault{line, field, text})
}

func (i *userImport) send(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	res, err := i.Users.ImportUsers(ctx, &adminv1.ImportUsersRequest{ProjectId: i.project, Users: i.batch, DryRun: i.dry})
	if err != nil {
		if i.made > 0 {
			return fmt.Errorf("after %d accounts were made: %w", i.made, err)
		}
		return err
	}
	for _, r := range res.GetResults() {
		if r.GetError() != "" {
			i.fault(i.lines[r.GetIndex()], r.GetErrorField(), r.GetError())
		}
	}
	i.made += len(i.batch) - int(res.GetFailed())
	i.batch, i.lines, i.size = nil, nil, 0
	return nil
}

func (i *userImport) report() error {
	made := "made"
	if i.dry {
		made = "can be made"
	}
	if i.json {
		if err := i.printJSON(map[string]any{"created": i.made, "failed": i.bad, "dry_run": i.dry, "faults": i.faults}); err != nil {
			return err
		}
	} else {
		for _, f := range i.faults {
			if _, err := fmt.Fprintf(i.stderr, "line %d: %s\n", f.Line, printable(f.Error)); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(i.stdout, "%d accounts %s, %d rows failed\n", i.made, made, i.bad); err != nil {
			return err
		}
	}
	if i.bad > 0 {
		return usageError{fmt.Errorf("%d rows failed\ntry: mend them and run it again", i.bad)}
	}
	return nil
}

// rowError is a row that can't be read; the next one can.
type rowError struct{ why string }

func (e *rowError) Error() string { return e.why }

// rowsOf reads a file row by row: the accounts, and the lines that they begin on.
func rowsOf(in io.Reader, format string) (func() (*adminv1.ImportedUser, int, error), error) {
	switch format {
	case "", "jsonl":
		return jsonLines(in), nil
	case "csv":
		return csvRows(in)
	}
	return nil, usageError{fmt.Errorf("--format %q: want jsonl or csv", format)}
}

func jsonLines(in io.Reader) func() (*adminv1.ImportedUser, int, error) {
	lines, n := bufio.NewScanner(in), 0
	lines.Buffer(nil, maxImportLine)
	return func() (*adminv1.ImportedUser, int, error) {
		for lines.Scan() {
			n++
			text := bytes.TrimSpace(lines.Bytes())
			if len(text) == 0 {
				continue
			}
			fields := map[string]json.RawMessage{}
			if err := json.Unmarshal(text, &fields); err != nil {
				return nil, n, &rowError{"is no JSON object"}
			}
			row, err := importRow(fields)
			return row, n, err
		}
		if err := lines.Err(); err != nil {
			return nil, n, err
		}
		return nil, n, io.EOF
	}
}

// importRow makes an account of its fields. No value is in the error: one of them
// is a password hash.
func importRow(fields map[string]json.RawMessage) (*adminv1.ImportedUser, error) {
	row := &adminv1.ImportedUser{User: &adminv1.User{}}
	if hash, ok := fields["password_hash"]; ok {
		if json.Unmarshal(hash, &row.PasswordHash) != nil {
			return nil, &rowError{"password_hash is no text"}
		}
		delete(fields, "password_hash")
	}
	for _, enum := range []string{"status", "role"} { // as the words of the log, too
		var short string
		if json.Unmarshal(fields[enum], &short) == nil && short != "" && !strings.HasPrefix(short, "USER_") {
			fields[enum] = json.RawMessage(fmt.Sprintf("%q", "USER_"+strings.ToUpper(enum+"_"+short)))
		}
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	if err := protojson.Unmarshal(b, row.GetUser()); err != nil {
		_, why, _ := strings.Cut(err.Error(), "): ")
		return nil, &rowError{"is no account: " + why}
	}
	return row, nil
}

func csvRows(in io.Reader) (func() (*adminv1.ImportedUser, int, error), error) {
	r := csv.NewReader(in)
	header, err := r.Read()
	if err != nil {
		return nil, usageError{fmt.Errorf("the first line is no header of a CSV file: %w", err)}
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff") // spreadsheets write one
	return func() (*adminv1.ImportedUser, int, error) {
		cells, err := r.Read()
		line, _ := r.FieldPos(0)
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			return nil, broken.Line, &rowError{broken.Err.Error()}
		}
		if err != nil {
			return nil, line, err
		}
		fields := map[string]json.RawMessage{}
		for i, cell := range cells {
			if cell == "" {
				continue
			}
			switch name := strings.TrimSpace(header[i]); name {
			case "email_verified", "phone_number_verified", "platform_admin":
				fields[name] = json.RawMessage(strings.ToLower(cell))
			default:
				b, err := json.Marshal(cell)
				if err != nil {
					return nil, line, err
				}
				fields[name] = b
			}
		}
		if _, err := json.Marshal(fields); err != nil {
			return nil, line, &rowError{"a column that is true or false has another value"}
		}
		row, err := importRow(fields)
		return row, line, err
	}, nil
}
