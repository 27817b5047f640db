package admin

import (
	"errors"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
)

// validate holds a request against the rules in its .proto. What it needs for that
// is made with the first request: a server that nobody administers does without.
func validate(m proto.Message) error {
	err := protovalidate.Validate(m)
	var bad *protovalidate.ValidationError
	if !errors.As(err, &bad) {
		return err
	}
	faults := make([]fault, len(bad.Violations))
	for i, v := range bad.Violations {
		faults[i] = fault{protovalidate.FieldPathString(v.Proto.GetField()), v.Proto.GetMessage()}
	}
	return invalidAll(connect.CodeInvalidArgument, faults...)
}
