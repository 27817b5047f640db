// Command openapi writes the OpenAPI document of the administration, made from the
// descriptors of its services and the comments of their .proto files.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

func main() {
	protos := flag.String("proto", "proto/identity/admin/v1", "folder of the .proto files")
	out := flag.String("out", "docs/api/openapi.json", "file to write")
	flag.Parse()
	if err := write(*protos, *out); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

func write(protos, out string) error {
	b, err := generate(protos)
	if err != nil {
		return err
	}
	return os.WriteFile(out, b, 0o644) //nolint:gosec // a page for everybody
}

func generate(protos string) ([]byte, error) {
	comments, err := readComments(protos)
	if err != nil {
		return nil, err
	}
	doc, err := document(comments)
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	return append(b, '\n'), err
}
