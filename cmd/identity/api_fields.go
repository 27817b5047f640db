package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// fieldFlags are the fields of a message as flags, made from its descriptor: a
// field that the services learn, the command line knows.
type fieldFlags struct {
	desc  protoreflect.MessageDescriptor
	given map[string][]string // by field
	clear []string
}

// outputFields are set by the server, or say which.
var outputFields = []string{"id", "etag", "created_at", "updated_at", "issuer", "primary_host", "secrets", "dynamic", "deletion_at"}

// fieldFlag is one of them.
type fieldFlag struct {
	of    *fieldFlags
	field protoreflect.FieldDescriptor
}

// String implements pflag.Value.
func (v *fieldFlag) String() string { return "" }

// Set implements pflag.Value. Lists are given an item at a time.
func (v *fieldFlag) Set(text string) error {
	name := string(v.field.Name())
	if !v.field.IsList() {
		v.of.given[name] = nil
	}
	v.of.given[name] = append(v.of.given[name], text)
	return nil
}

// Type implements pflag.Value.
func (v *fieldFlag) Type() string {
	switch {
	case v.field.IsMap():
		return "JSON"
	case v.field.Kind() == protoreflect.MessageKind && v.field.Message().FullName() == "google.protobuf.Duration":
		return "duration"
	case v.field.Kind() == protoreflect.MessageKind:
		return "JSON"
	case v.field.Kind() == protoreflect.BoolKind:
		return "bool"
	case v.field.Kind() == protoreflect.StringKind:
		return "text"
	case v.field.Kind() == protoreflect.EnumKind:
		return "word"
	}
	return "number"
}

func newFieldFlags(fs *pflag.FlagSet, m proto.Message, skip ...string) *fieldFlags {
	f := &fieldFlags{desc: m.ProtoReflect().Descriptor(), given: map[string][]string{}}
	for i := range f.desc.Fields().Len() {
		field := f.desc.Fields().Get(i)
		name := string(field.Name())
		if slices.Contains(outputFields, name) || slices.Contains(skip, name) {
			continue
		}
		usage := strings.ReplaceAll(name, "_", " ")
		switch {
		case field.IsList():
			usage += " (repeatable)"
		case field.Kind() == protoreflect.EnumKind:
			var words []string
			for j := 1; j < field.Enum().Values().Len(); j++ {
				words = append(words, word(string(field.Enum().Values().Get(j).Name()), field.Enum()))
			}
			usage += ": " + strings.Join(words, ", ")
		}
		flag := fs.VarPF(&fieldFlag{f, field}, strings.ReplaceAll(name, "_", "-"), "", usage)
		if field.Kind() == protoreflect.BoolKind {
			flag.NoOptDefVal = "true"
		}
	}
	fs.StringArrayVar(&f.clear, "clear", nil, "field to empty, by its name (repeatable)")
	return f
}

// fill puts what was given into a message, and returns the mask of it.
func (f *fieldFlags) fill(m proto.Message) (*fieldmaskpb.FieldMask, error) {
	mask, object := &fieldmaskpb.FieldMask{}, map[string]json.RawMessage{}
	for name, texts := range f.given {
		v, err := jsonOf(f.desc.Fields().ByName(protoreflect.Name(name)), texts)
		if err != nil {
			return nil, usageError{fmt.Errorf("--%s: %w", strings.ReplaceAll(name, "_", "-"), err)}
		}
		object[name] = v
		mask.Paths = append(mask.Paths, name)
	}
	for _, name := range f.clear {
		mask.Paths = append(mask.Paths, strings.ReplaceAll(name, "-", "_"))
	}
	slices.Sort(mask.Paths)
	b, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	read := m.ProtoReflect().New().Interface()
	if err := protojson.Unmarshal(b, read); err != nil {
		return nil, usageError{fmt.Errorf("a flag has a value of another kind: %w", err)}
	}
	proto.Merge(m, read)
	return mask, nil
}

// jsonOf is the JSON of what was typed.
func jsonOf(f protoreflect.FieldDescriptor, texts []string) (json.RawMessage, error) {
	text := texts[0]
	switch {
	case f.IsList() && f.Kind() == protoreflect.StringKind:
		return json.Marshal(slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return s == "" }))
	case f.IsMap():
	case f.Kind() == protoreflect.StringKind:
		return json.Marshal(text)
	case f.Kind() == protoreflect.EnumKind:
		values := f.Enum().Values()
		for i := 1; i < values.Len(); i++ {
			if word(string(values.Get(i).Name()), f.Enum()) == strings.ToLower(text) {
				return json.Marshal(string(values.Get(i).Name()))
			}
		}
		return nil, fmt.Errorf("%q is none of the words that --help lists", text)
	case f.Kind() == protoreflect.MessageKind && f.Message().FullName() == "google.protobuf.Duration":
		d, err := time.ParseDuration(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no duration, such as 90s or 15m", text)
		}
		return json.Marshal(strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s")
	}
	if !json.Valid([]byte(text)) {
		return nil, fmt.Errorf("%q is not as JSON", text)
	}
	return json.RawMessage(text), nil
}
