package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestUpToDate holds docs/api/openapi.json to the descriptors.
func TestUpToDate(t *testing.T) {
	want, err := generate("../../proto/identity/admin/v1")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/api/openapi.json is not what go run ./cmd/openapi writes: run make generate")
	}
}

// TestDocument: what the document refers to is in it, every operation is described
// and named once, and what is required is there.
func TestDocument(t *testing.T) {
	b, err := generate("../../proto/identity/admin/v1")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI string `json:"openapi"`
		Info    struct{ Title, Version string }
		Paths   map[string]map[string]struct {
			OperationID, Summary, Description string
			RequestBody                       any
			Responses                         map[string]any
		}
		Components struct {
			Schemas map[string]struct {
				Type       string
				Properties map[string]any
				Required   []string
			}
		}
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") || doc.Info.Title == "" || doc.Info.Version == "" || len(doc.Paths) < 60 {
		t.Fatalf("openapi %q, info %+v, %d paths", doc.OpenAPI, doc.Info, len(doc.Paths))
	}
	seen := map[string]bool{}
	for path, methods := range doc.Paths {
		op, ok := methods["post"]
		switch {
		case !ok || len(methods) != 1 || !strings.HasPrefix(path, "/identity.admin.v1."):
			t.Errorf("%s: methods %v", path, methods)
		case op.Summary == "" || !strings.Contains(op.Description, "identity."):
			t.Errorf("%s is not described: %+v", path, op)
		case seen[op.OperationID] || op.OperationID == "":
			t.Errorf("%s: operationId %q", path, op.OperationID)
		case op.RequestBody == nil || op.Responses["200"] == nil || op.Responses["default"] == nil:
			t.Errorf("%s: no body or no answers", path)
		}
		seen[op.OperationID] = true
	}
	for name, s := range doc.Components.Schemas {
		for _, r := range s.Required {
			if s.Properties[r] == nil {
				t.Errorf("%s requires %s, and has no such property", name, r)
			}
		}
	}
	for part := range strings.SplitSeq(string(b), `"$ref": "#/components/schemas/`) {
		name, _, _ := strings.Cut(part, `"`)
		if strings.HasPrefix(part, "{") { // before the first
			continue
		}
		if _, ok := doc.Components.Schemas[name]; !ok {
			t.Errorf("$ref to %q leads nowhere", name)
		}
	}
}
