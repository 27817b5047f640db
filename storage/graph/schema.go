package graph

// Schema is the table of node types that a driver is opened with. It is declared
// once, in storage/schema.go.
type Schema struct {
	Types []Type
	Edges []Edge
}

// Type declares a node type. In SQL each has a table of its own, with the columns
// project_id, id, version, created_at, updated_at, expires_at, consumed_at, data
// and the declared ones.
type Type struct {
	ID      TypeID
	Name    string // "AuthorizationCode"
	Table   string // "authorization_codes"
	Columns []Column
	Unique  []Unique
	Indexes []Index
	// OneTime: the type may be used with Take.
	OneTime bool
	// Expires: nodes may have an ExpiresAt, and are swept.
	Expires bool
	// Watched: changes are told by Watch. Only for what is cached.
	Watched bool
	// Secret lists columns and fields of the data that hold digests or sealed
	// values; they are never printed.
	Secret []string
}

// Column is a declared column.
type Column struct {
	Name string // snake_case, as in SQL
	Kind Kind   // Text, Bytes or Int
}

// Unique is a key that at most one live node of a project holds. A node with a
// Null in one of the columns does not hold it.
type Unique struct {
	Name    string
	Columns []string
}

// Index is an order that nodes can be listed in.
type Index struct {
	Name    string
	Columns []string
}

// Edge declares an edge type between two node types.
type Edge struct {
	ID       EdgeID
	Name     string
	From, To TypeID
}
