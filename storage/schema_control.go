package storage

import "github.com/elloloop/identity/storage/graph"

// controlScope holds what is above the projects: the projects themselves, and
// what finds one before it is known. No project has this id: it is not a legal one.
var controlScope = graph.In("~control")

// controlTypes are what operators manage. Project, ProjectDomain,
// ProjectCredential and Lease live in the control scope, the others in their
// project.
func controlTypes() []graph.Type {
	return []graph.Type{
		{
			ID: typeProject, Name: "Project", Table: "projects",
			Columns: []graph.Column{text("status"), number("created")},
			Indexes: []graph.Index{index("created", "created"), index("status", "status", "created")},
			Watched: true,
		},
		{
			ID: typeProjectDomain, Name: "ProjectDomain", Table: "project_domains",
			Columns: []graph.Column{text("host"), text("owner"), text("status")},
			Unique:  []graph.Unique{unique("host", "host")}, // set once the domain is verified: a claim alone holds nothing
			Indexes: []graph.Index{index("owner", "owner"), index("status", "status")},
			Watched: true,
		},
		{
			ID: typeProjectCredential, Name: "ProjectCredential", Table: "project_credentials",
			Columns: []graph.Column{digest("secret_hash"), text("owner"), number("created")},
			Unique:  []graph.Unique{unique("secret_hash", "secret_hash")},
			Indexes: []graph.Index{index("owner", "owner", "created")},
			Expires: true, Watched: true, Secret: []string{"secret_hash"},
		},
		{
			ID: typeBootstrap, Name: "Bootstrap", Table: "bootstraps",
		},
		{
			ID: typeLease, Name: "Lease", Table: "leases",
		},
		{
			ID: typeTenant, Name: "Tenant", Table: "tenants",
			Columns: []graph.Column{text("name_key"), number("created")},
			Indexes: []graph.Index{index("created", "created"), index("name", "name_key")},
			Watched: true,
		},
		{
			ID: typeTenantDomain, Name: "TenantDomain", Table: "tenant_domains",
			Columns: []graph.Column{text("domain"), text("tenant_id")},
			Unique:  []graph.Unique{unique("domain", "domain")},
			Indexes: []graph.Index{index("tenant", "tenant_id")},
			Watched: true,
		},
		{
			ID: typeTenantMember, Name: "TenantMember", Table: "tenant_members",
			Columns: []graph.Column{text("tenant_id"), text("user_id"), text("role"), number("created")},
			Unique:  []graph.Unique{unique("tenant_user", "tenant_id", "user_id")},
			Indexes: []graph.Index{index("tenant", "tenant_id", "created"), index("tenant_role", "tenant_id", "role", "created"), index("user", "user_id", "created")},
		},
		{
			ID: typeTenantInvitation, Name: "TenantInvitation", Table: "tenant_invitations",
			Columns: []graph.Column{digest("token_hash"), text("tenant_id"), text("email_key"), number("created")},
			Unique:  []graph.Unique{unique("token_hash", "token_hash"), unique("tenant_email", "tenant_id", "email_key")},
			Indexes: []graph.Index{index("tenant", "tenant_id", "created")},
			OneTime: true, Expires: true, Secret: []string{"token_hash"},
		},
		{
			ID: typeWorkingGroup, Name: "WorkingGroup", Table: "working_groups",
			Columns: []graph.Column{text("name_key"), text("external_id"), number("created")},
			Unique:  []graph.Unique{unique("name", "name_key"), unique("external_id", "external_id")},
			Indexes: []graph.Index{index("created", "created"), index("name", "name_key")},
			Watched: true,
		},
		{
			ID: typeIdempotencyKey, Name: "IdempotencyKey", Table: "idempotency_keys",
			Expires: true, Secret: []string{"sealed"},
		},
		{
			ID: typeOutboxMessage, Name: "OutboxMessage", Table: "outbox_messages",
			Columns: []graph.Column{text("status"), number("due"), text("kind")},
			Indexes: []graph.Index{index("due", "status", "due"), index("kind", "kind", "status", "due")},
			Expires: true, Watched: true, Secret: []string{"sealed"},
		},
		{
			ID: typeAuditSeal, Name: "AuditSeal", Table: "audit_seals",
			Columns: []graph.Column{number("sequence")},
			Unique:  []graph.Unique{unique("sequence", "sequence")},
			Indexes: []graph.Index{index("sequence", "sequence")},
		},
		{
			ID: typeInitialAccessToken, Name: "InitialAccessToken", Table: "initial_access_tokens",
			Columns: []graph.Column{digest("token_hash"), number("created")},
			Unique:  []graph.Unique{unique("token_hash", "token_hash")},
			Indexes: []graph.Index{index("created", "created")},
			Expires: true, Secret: []string{"token_hash"},
		},
	}
}
