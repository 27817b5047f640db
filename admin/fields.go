package admin

import (
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/elloloop/identity/storage"
)

// etagOf names a version of a row. It tells nothing but that it changed.
func etagOf(version int64) string { return `"` + strconv.FormatInt(version, 36) + `"` }

// current refuses an etag that is not that of the version. "" agrees to any.
func current(etag string, version int64) error {
	if etag != "" && etag != etagOf(version) {
		return stale()
	}
	return nil
}

// stamp is a time, nil for the zero one.
func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// pageRequest is what a page is asked with. The bounds were validated.
func pageRequest(size int32, token, orderBy string) (storage.PageRequest, string) {
	field, reverse := strings.CutSuffix(orderBy, " desc")
	return storage.PageRequest{Limit: int(size), After: token, Reverse: reverse}, field
}

// merge puts the fields that a mask names from one message into another. output
// are the fields that the server sets.
func merge(into, from proto.Message, mask *fieldmaskpb.FieldMask, output ...string) error {
	dst, src := into.ProtoReflect(), from.ProtoReflect()
	paths, err := masked(dst.Descriptor(), mask, output...)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if f := dst.Descriptor().Fields().ByName(protoreflect.Name(path)); src.Has(f) {
			dst.Set(f, src.Get(f))
		} else {
			dst.Clear(f)
		}
	}
	return nil
}

// masked are the fields of a message that a mask names. A mask that names nothing
// that can be changed is refused (S5-10).
func masked(d protoreflect.MessageDescriptor, mask *fieldmaskpb.FieldMask, output ...string) ([]string, error) {
	paths := mask.GetPaths()
	if len(paths) == 0 {
		return nil, invalid("update_mask", "names no field")
	}
	if len(paths) == 1 && paths[0] == "*" {
		return settable(d, output...), nil
	}
	for _, path := range paths {
		switch f := d.Fields().ByName(protoreflect.Name(path)); {
		case f == nil:
			return nil, invalid("update_mask", "names "+strconv.Quote(path)+", and there is no such field; a field is named whole")
		case isOutput(path, output):
			return nil, invalid("update_mask", "names "+strconv.Quote(path)+", which the server sets")
		}
	}
	return paths, nil
}

// settable are the fields of a message that a caller sets.
func settable(d protoreflect.MessageDescriptor, output ...string) []string {
	var names []string
	for i := range d.Fields().Len() {
		if name := string(d.Fields().Get(i).Name()); !isOutput(name, output) {
			names = append(names, name)
		}
	}
	return names
}

func isOutput(name string, output []string) bool {
	switch name {
	case "id", "etag", "created_at", "updated_at":
		return true
	}
	for _, o := range output {
		if o == name {
			return true
		}
	}
	return false
}

// changed lists the fields of two messages that differ, for the audit event:
// names, never values.
func changed(before, after proto.Message) string {
	a, b := before.ProtoReflect(), after.ProtoReflect()
	var names []string
	fields := a.Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); !isOutput(string(f.Name()), nil) && !a.Get(f).Equal(b.Get(f)) {
			names = append(names, string(f.Name()))
		}
	}
	return strings.Join(names, " ")
}
