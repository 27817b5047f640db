package graph

import "time"

// Value is the value of a declared column. It is comparable. The zero Value is
// Null.
type Value struct {
	kind Kind
	text string
	num  int64
}

// Kind is what a column holds.
type Kind uint8

// The kinds of column.
const (
	Null  Kind = iota // no value
	Text              // UTF-8 without NUL, ordered by bytes
	Bytes             // binary, such as a digest, ordered by bytes
	Int               // 64 bits, signed; times are Ints, in microseconds since 1970 UTC
)

// String makes a Text value; an empty string is a value, not Null.
func String(s string) Value { return Value{kind: Text, text: s} }

// StringOrNull makes a Text value, Null for "": for keys that only some nodes hold.
func StringOrNull(s string) Value {
	if s == "" {
		return Value{}
	}
	return String(s)
}

// Binary makes a Bytes value of a copy of b.
func Binary(b []byte) Value { return Value{kind: Bytes, text: string(b)} }

// Int64 makes an Int value.
func Int64(n int64) Value { return Value{kind: Int, num: n} }

// Time makes an Int value of a time, Null for the zero time.
func Time(t time.Time) Value {
	if t.IsZero() {
		return Value{}
	}
	return Int64(t.UnixMicro())
}

// Bool makes an Int value, 1 or 0.
func Bool(b bool) Value {
	if b {
		return Int64(1)
	}
	return Int64(0)
}

// Kind returns what v holds.
func (v Value) Kind() Kind { return v.kind }

// Text returns the text or the raw bytes of v, "" for other kinds.
func (v Value) Text() string { return v.text }

// Int returns the number, 0 for other kinds.
func (v Value) Int() int64 { return v.num }
