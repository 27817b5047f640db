package op

import (
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/elloloop/identity/storage"
)

// Every request that a person has to answer leaves a row until it expires. One
// network may begin so many at once, and so many a second after that: far more
// than people do, and far less than fills a disk (S6-12).
const (
	beginBurst     = 300
	beginPerSecond = 10
	beginMemory    = 10 * time.Minute // how long a network is remembered
	beginNetworks  = 10000            // how many are
)

// mayBegin is the cheap guard in front of the database. It is this process's own:
// with more replicas the bound grows with them.
func (op *Provider) mayBegin(r *http.Request, p *storage.Project) bool {
	if p.InsecureDevelopment {
		return true
	}
	key, now := inProject{p.ID, storage.AddressPrefix(r.RemoteAddr)}, op.now()
	l, ok := op.begins.get(key, now)
	if !ok {
		l = rate.NewLimiter(beginPerSecond, beginBurst)
		op.begins.put(key, l, now, beginMemory, func() bool { return true })
	}
	return l.AllowN(now, 1)
}
