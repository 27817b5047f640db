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
// are the fields that the server sets. A mask that names nothing that can be
// changed is refused (S5-10).
func merge(into, from proto.Message, mask *fieldmaskpb.FieldMask, output ...string) error {
	dst, src := into.ProtoReflect(), from.ProtoReflect()
	fields := dst.Descriptor().Fields()
	paths := mask.GetPaths()
	if len(paths) == 0 {
		return invalid("update_mask", "names no field")
	}
	if len(paths) == 1 && paths[0] == "*" {
		paths = nil
		for i := range fields.Len() {
			if name := string(fields.Get(i).Name()); !isOutput(name, output) {
				paths = append(paths, name)
			}
		}
	}
	for _, path := range paths {
		f := fields.ByName(protoreflect.Name(path))
		switch {
		case f == nil:
			return invalid("update_mask", "names "+strconv.Quote(path)+", and there is no such field; a field is named whole")
		case isOutput(path, output):
			return invalid("update_mask", "names "+strconv.Quote(path)+", which the server sets")
		case src.Has(f):
			dst.Set(f, src.Get(f))
		default:
			dst.Clear(f)
		}
	}
	return nil
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
