package main

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

type object = map[string]any

// document is the OpenAPI 3.1 document: every RPC is a POST of a JSON object.
func document(comments map[string]string) (object, error) {
	s := &schemas{comments: comments, made: object{"Error": errorSchema()}}
	paths := object{}
	var tags []object
	var err error
	protoregistry.GlobalFiles.RangeFilesByPackage(adminv1.File_identity_admin_v1_access_proto.Package(), func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			service := f.Services().Get(i)
			tags = append(tags, object{"name": string(service.Name()), "description": comments[string(service.Name())]})
			for j := range service.Methods().Len() {
				m := service.Methods().Get(j)
				var op object
				if op, err = s.operation(m); err != nil {
					return false
				}
				paths["/"+string(service.FullName())+"/"+string(m.Name())] = object{"post": op}
			}
		}
		return true
	})
	sortByName(tags)
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "identity administration", "version": "v1",
			"description": "See docs/api.md for who may call, errors, paging and etags.",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":    []object{{"url": "https://{host}", "variables": object{"host": object{"default": "login.example.com"}}}},
		"security":   []object{{"bearer": []string{}}},
		"tags":       tags,
		"paths":      paths,
		"components": object{"schemas": s.made, "securitySchemes": object{"bearer": object{"type": "http", "scheme": "bearer"}}},
	}, err
}

func sortByName(tags []object) {
	for i := range tags {
		for j := i; j > 0 && tags[j]["name"].(string) < tags[j-1]["name"].(string); j-- {
			tags[j], tags[j-1] = tags[j-1], tags[j]
		}
	}
}

func (s *schemas) operation(m protoreflect.MethodDescriptor) (object, error) {
	access, _ := proto.GetExtension(m.Options(), adminv1.E_Access).(*adminv1.Access)
	service := string(m.Parent().Name())
	says := s.comments[service+"."+string(m.Name())]
	first, _, _ := strings.Cut(says, ". ")
	needs := "Needs the scope `" + access.GetScope() + "`"
	if access.GetControlPlane() {
		needs += ", of the control plane"
	}
	for _, d := range []protoreflect.MessageDescriptor{m.Input(), m.Output()} {
		if err := s.message(d); err != nil {
			return nil, err
		}
	}
	return object{
		"operationId": service + "_" + string(m.Name()), "tags": []string{service},
		"summary": strings.TrimSuffix(first, "."), "description": says + " " + needs + ".",
		"requestBody": object{"required": true, "content": content(m.Input())},
		"responses": object{
			"200":     object{"description": "The answer.", "content": content(m.Output())},
			"default": object{"description": "What went wrong.", "content": object{"application/json": object{"schema": ref("Error")}}},
		},
	}, nil
}

func content(d protoreflect.MessageDescriptor) object {
	return object{"application/json": object{"schema": ref(string(d.Name()))}}
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// errorSchema is the error of the Connect protocol.
func errorSchema() object {
	return object{
		"type": "object", "required": []string{"code"}, "description": "An error of the Connect protocol.",
		"properties": object{
			"code": object{"type": "string", "enum": []string{
				"canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists", "permission_denied", "resource_exhausted",
				"failed_precondition", "aborted", "out_of_range", "unimplemented", "internal", "unavailable", "data_loss", "unauthenticated",
			}},
			"message": object{"type": "string"},
			"details": object{"type": "array", "items": object{"type": "object", "properties": object{
				"type": object{"type": "string"}, "value": object{"type": "string", "contentEncoding": "base64"}, "debug": object{},
			}}},
		},
	}
}
