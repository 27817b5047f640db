package storage

import "github.com/elloloop/identity/storage/graph"

// Notice is what Store.Watch tells, for callers that know only this package:
// Project, Type and ID of what changed, or All when anything may have changed.
type Notice = graph.Change

// IsClientNotice says whether a cached client, or what is known of the origins
// of clients, may be stale after this notice.
func IsClientNotice(n Notice) bool {
	return n.All || n.Type == typeClient || n.Type == typeClientOrigin
}

// IsSigningKeyNotice says whether cached signing keys may be stale after this
// notice.
func IsSigningKeyNotice(n Notice) bool { return n.All || n.Type == typeSigningKey }

// IsProjectSecretNotice says whether a cached project secret may be stale after
// this notice.
func IsProjectSecretNotice(n Notice) bool { return n.All || n.Type == typeProjectSecret }

// IsOutboxNotice says whether there may be a message to send after this notice.
func IsOutboxNotice(n Notice) bool { return n.All || n.Type == typeOutboxMessage }

// IsProjectNotice says whether a cached project, or what is known of hosts and
// project keys, may be stale after this notice.
func IsProjectNotice(n Notice) bool {
	return n.All || n.Type == typeProject || n.Type == typeProjectDomain || n.Type == typeProjectCredential
}
