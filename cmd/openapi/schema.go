package main

import (
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// schemas are the schemas of messages and enums, made as they are met.
type schemas struct {
	comments map[string]string
	made     object
}

func (s *schemas) message(d protoreflect.MessageDescriptor) error {
	name := string(d.Name())
	if _, ok := s.made[name]; ok {
		return nil
	}
	properties := object{}
	schema := object{"type": "object", "properties": properties, "additionalProperties": false}
	if c := s.comments[name]; c != "" {
		schema["description"] = c
	}
	s.made[name] = schema // first: a message may hold itself
	var required []string
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		p, needed, err := s.field(f)
		if err != nil {
			return err
		}
		if c := s.comments[name+"."+string(f.Name())]; c != "" {
			p["description"] = c
		}
		properties[f.JSONName()] = p
		if needed {
			required = append(required, f.JSONName())
		}
	}
	if required != nil {
		schema["required"] = required
	}
	return nil
}

func (s *schemas) field(f protoreflect.FieldDescriptor) (schema object, required bool, err error) {
	rules, err := protovalidate.ResolveFieldRules(f)
	if err != nil {
		return nil, false, err
	}
	if f.IsMap() {
		schema, err = s.value(f.MapValue())
		of := object{"type": "object", "additionalProperties": schema}
		if most := rules.GetMap().GetMaxPairs(); most > 0 {
			of["maxProperties"] = most
		}
		return of, false, err
	}
	if schema, err = s.value(f); err != nil {
		return nil, false, err
	}
	if f.IsList() {
		list := rules.GetRepeated()
		constrain(schema, list.GetItems())
		schema = object{"type": "array", "items": schema}
		if list.GetMinItems() > 0 {
			schema["minItems"] = list.GetMinItems()
		}
		if list.GetMaxItems() > 0 {
			schema["maxItems"] = list.GetMaxItems()
		}
		return schema, list.GetMinItems() > 0, nil
	}
	constrain(schema, rules)
	needed := rules.GetRequired() || rules.GetString().GetMinLen() > 0 || slices.Contains(rules.GetEnum().GetNotIn(), 0)
	return schema, needed && f.ContainingOneof() == nil, nil
}

// value is the schema of one value, as the JSON of Protobuf writes it.
func (s *schemas) value(f protoreflect.FieldDescriptor) (object, error) {
	switch f.Kind() {
	case protoreflect.StringKind:
		return object{"type": "string"}, nil
	case protoreflect.BytesKind:
		return object{"type": "string", "contentEncoding": "base64"}, nil
	case protoreflect.BoolKind:
		return object{"type": "boolean"}, nil
	case protoreflect.Int32Kind:
		return object{"type": "integer", "format": "int32"}, nil
	case protoreflect.Int64Kind:
		return object{"type": "string", "format": "int64"}, nil
	case protoreflect.EnumKind:
		s.enum(f.Enum())
		return ref(string(f.Enum().Name())), nil
	}
	switch f.Message().FullName() {
	case "google.protobuf.Timestamp":
		return object{"type": "string", "format": "date-time"}, nil
	case "google.protobuf.Duration":
		return object{"type": "string", "pattern": `^-?[0-9]+(\.[0-9]{1,9})?s$`, "examples": []string{"900s"}}, nil
	case "google.protobuf.FieldMask":
		return object{"type": "string", "examples": []string{"name,givenName"}}, nil
	case "google.protobuf.Struct":
		return object{"type": "object"}, nil
	}
	return ref(string(f.Message().Name())), s.message(f.Message())
}

func (s *schemas) enum(e protoreflect.EnumDescriptor) {
	var names []string
	for i := range e.Values().Len() {
		names = append(names, string(e.Values().Get(i).Name()))
	}
	s.made[string(e.Name())] = object{"type": "string", "enum": names, "description": s.comments[string(e.Name())]}
}

// constrain adds what the rules of a field say of its value.
func constrain(schema object, rules *validate.FieldRules) {
	if t := rules.GetString(); t != nil {
		if t.GetMinLen() > 0 {
			schema["minLength"] = t.GetMinLen()
		}
		if t.GetMaxLen() > 0 {
			schema["maxLength"] = t.GetMaxLen()
		}
		if t.GetPattern() != "" {
			schema["pattern"] = t.GetPattern()
		}
		if len(t.GetIn()) > 0 {
			schema["enum"] = t.GetIn()
		}
	}
	if n := rules.GetInt32(); n != nil {
		if n.HasGte() {
			schema["minimum"] = n.GetGte()
		}
		if n.HasLte() {
			schema["maximum"] = n.GetLte()
		}
	}
}
