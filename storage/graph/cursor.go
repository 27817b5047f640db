package graph

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// A cursor is base64url of: 8 bytes of a SHA-256 over the project, the query and
// the position; then the position. The sum is no secret: it finds a cursor that
// was damaged or belongs to another query or project. Who makes one by hand
// reaches no more than the pages that the query gives anyway.
const cursorSum = 8

// Cursor returns the cursor of the position of n in this plan's order.
func (p *Plan) Cursor(n Node) string {
	raw := make([]byte, cursorSum, 96)
	for _, col := range p.Rest {
		raw = appendValue(raw, n.Columns[col])
	}
	raw = appendText(raw, n.ID)
	sum := p.sum(raw[cursorSum:])
	copy(raw, sum[:cursorSum])
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (p *Plan) decode(cursor string) (*Position, error) {
	foreign := fmt.Errorf("%w: the cursor is not one of this query", ErrInvalidArgument)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) < cursorSum {
		return nil, foreign
	}
	body := raw[cursorSum:]
	if sum := p.sum(body); string(sum[:cursorSum]) != string(raw[:cursorSum]) {
		return nil, foreign
	}
	pos, ok := p.position(body)
	if !ok {
		return nil, foreign
	}
	return pos, nil
}

// position reads what Cursor wrote; every byte has to be used.
func (p *Plan) position(body []byte) (*Position, bool) {
	pos := &Position{}
	var ok bool
	for _, col := range p.Rest {
		var v Value
		if v, body, ok = readValue(body); !ok || v.kind != Null && v.kind != p.Type.Columns[col].Kind || !Storable(v) {
			return nil, false
		}
		pos.Values = append(pos.Values, v)
	}
	if p.Query.Prefix != "" && !strings.HasPrefix(pos.Values[0].text, p.Query.Prefix) {
		return nil, false
	}
	pos.ID, body, ok = readText(body)
	return pos, ok && len(body) == 0 && pos.ID != "" && storable(pos.ID)
}

func (p *Plan) sum(body []byte) [sha256.Size]byte {
	b := make([]byte, 0, 256)
	b = appendText(b, p.project)
	b = binary.AppendVarint(b, int64(p.Query.Type))
	b = appendText(b, p.Query.Index)
	b = binary.AppendUvarint(b, uint64(len(p.Query.Equal)))
	for _, v := range p.Query.Equal {
		b = appendValue(b, v)
	}
	b = binary.AppendVarint(b, int64(p.Query.Edge))
	b = appendText(b, p.Query.From)
	b = appendText(b, p.Query.To)
	b = appendText(b, p.Query.Prefix)
	if p.Query.Reverse {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	return sha256.Sum256(append(b, body...))
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendValue(b []byte, v Value) []byte {
	b = append(b, byte(v.kind))
	switch v.kind {
	case Text, Bytes:
		return appendText(b, v.text)
	case Int:
		return binary.AppendVarint(b, v.num)
	default: // null: its kind says all
		return b
	}
}

func readText(b []byte) (string, []byte, bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return "", nil, false
	}
	return string(b[w : w+int(n)]), b[w+int(n):], true
}

func readValue(b []byte) (Value, []byte, bool) {
	if len(b) == 0 {
		return Value{}, nil, false
	}
	kind, b := Kind(b[0]), b[1:]
	switch kind {
	case Null:
		return Value{}, b, true
	case Text, Bytes:
		s, rest, ok := readText(b)
		return Value{kind: kind, text: s}, rest, ok
	case Int:
		n, w := binary.Varint(b)
		if w <= 0 {
			return Value{}, nil, false
		}
		return Int64(n), b[w:], true
	}
	return Value{}, nil, false
}
