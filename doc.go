// Package identity is the root of the module. It has no code of its own: the
// tests beside this file hold the shape of the whole tree.
//
// The program is ./cmd/identity; docs/architecture.md explains the folders.
package identity
