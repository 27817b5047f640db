package main

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

func newProjectFiles(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "files", Short: "Show and replace the own pages, letters, sentences and images of the project"}
	replace := &cobra.Command{
		Use: "replace FOLDER", Short: "Put the files of a folder into the place of those that there are", Args: oneArg,
		Long: `Put the files of a folder into the place of those that there are: html/<page>.html,
mail/letter.html, mail/letter.txt, locales/<tag>.json, static/app.css, static/<image>.
Everything is drawn with them first; a mistake is named, with its line. An empty
folder takes them away.`,
	}
	cmd.AddCommand(
		t.apiCall(&cobra.Command{Use: "list", Short: "List the own files of the project"}, func(ctx context.Context, a *api, _ []string) error {
			res, err := a.Projects.GetProjectFiles(ctx, &adminv1.GetProjectFilesRequest{ProjectId: a.project})
			if err != nil {
				return err
			}
			return a.printFiles(res.GetFiles())
		}),
		t.apiCall(replace, func(ctx context.Context, a *api, args []string) error {
			files, err := folderFiles(args[0])
			if err != nil {
				return err
			}
			_, err = a.Projects.ReplaceProjectFiles(ctx, &adminv1.ReplaceProjectFilesRequest{ProjectId: a.project, Files: files})
			return err
		}))
	return cmd
}

// printFiles lists files by their names and sizes.
func (a *api) printFiles(files map[string][]byte) error {
	type line struct {
		Name string `json:"name"`
		Size int    `json:"size"`
	}
	lines, rows := []line{}, [][]string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		lines = append(lines, line{name, len(files[name])})
		rows = append(rows, []string{name, strconv.Itoa(len(files[name]))})
	}
	if a.json {
		return a.printJSON(lines)
	}
	return a.printTable([]string{"NAME", "BYTES"}, rows)
}

// folderFiles reads what is in a folder, by names with slashes.
func folderFiles(dir string) (map[string][]byte, error) {
	root, err := os.OpenRoot(dir) // no link leads out of it
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // it was only read
	files := map[string][]byte{}
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[filepath.ToSlash(name)], err = fs.ReadFile(root.FS(), name)
		return err
	})
	return files, err
}
