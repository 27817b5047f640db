package admin

import (
	"errors"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
)

// validate holds a request against the rules in its .proto.
func (s *Server) validate(m proto.Message) error {
	err := s.validator.Validate(m)
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
