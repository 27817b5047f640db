package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// pageSize is how many items a list asks for at once.
const pageSize = 500

// every reads all pages of a list.
func every[T any](ctx context.Context, page func(ctx context.Context, token string) ([]T, string, error)) ([]T, error) {
	var items []T
	for token := ""; ; {
		part, next, err := page(ctx, token)
		if err != nil {
			return nil, err
		}
		items = append(items, part...)
		if token = next; token == "" {
			return items, nil
		}
	}
}

// raw is a message as JSON, with the names of the .proto.
func raw(m proto.Message) (json.RawMessage, error) {
	return protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
}

// printList prints messages: JSON for programs, a table for people.
func printList[T proto.Message](a *api, items []T, header []string, row func(T) []string) error {
	if a.json {
		out := make([]json.RawMessage, len(items))
		for i, m := range items {
			b, err := raw(m)
			if err != nil {
				return err
			}
			out[i] = b
		}
		return a.printJSON(out)
	}
	rows := make([][]string, len(items))
	for i, m := range items {
		rows[i] = row(m)
	}
	return a.printTable(header, rows)
}

// printOne prints a message: JSON for programs, a line for each field for people.
func (a *api) printOne(m proto.Message) error {
	if a.json {
		b, err := raw(m)
		if err != nil {
			return err
		}
		return a.printJSON(b)
	}
	r := m.ProtoReflect()
	fields := r.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !r.Has(f) || f.Name() == "etag" {
			continue
		}
		if _, err := fmt.Fprintf(a.stdout, "%-24s %s\n", f.Name(), shown(f, r.Get(f))); err != nil {
			return err
		}
	}
	return nil
}

// shown is a value in a line for people.
func shown(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case f.IsList():
		var parts []string
		for i := range v.List().Len() {
			parts = append(parts, shownOne(f, v.List().Get(i)))
		}
		return strings.Join(parts, " ")
	case f.IsMap():
		var parts []string
		v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			parts = append(parts, k.String()+"="+v.String())
			return true
		})
		return strings.Join(parts, " ")
	}
	return shownOne(f, v)
}

func shownOne(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch f.Kind() {
	case protoreflect.EnumKind:
		if d := f.Enum().Values().ByNumber(v.Enum()); d != nil {
			return word(string(d.Name()), f.Enum())
		}
	case protoreflect.MessageKind:
		m := v.Message().Interface()
		if t, ok := m.(*timestamppb.Timestamp); ok {
			return t.AsTime().Format(time.RFC3339)
		}
		if b, err := raw(m); err == nil {
			return string(b)
		}
	}
	return v.String()
}

// word is the value of an enum without what its name begins with: USER_ROLE_ADMIN
// is admin.
func word(name string, e protoreflect.EnumDescriptor) string {
	zero := strings.TrimSuffix(string(e.Values().ByNumber(0).Name()), "UNSPECIFIED")
	return strings.ToLower(strings.TrimPrefix(name, zero))
}

// wordOf is the word of a value.
func wordOf[E interface {
	Descriptor() protoreflect.EnumDescriptor
	String() string
}](v E) string {
	return word(v.String(), v.Descriptor())
}

// day is a date for tables.
func day(t *timestamppb.Timestamp) string {
	if t == nil {
		return "-"
	}
	return date(t.AsTime())
}
