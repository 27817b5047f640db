package op

import (
	"slices"

	"github.com/elloloop/identity/storage"
)

// logout checks how a client wants to hear of the end of a session.
func (f *clientFaults) logout(c *storage.Client) {
	if uri := c.FrontChannelLogoutURI; uri != "" {
		switch why := logoutURIFault(uri); {
		case why != "":
			f.add("frontchannel_logout_uri", why)
		case !slices.ContainsFunc(c.RedirectURIs, func(r string) bool { return browserOrigin(r) == browserOrigin(uri) }):
			// OIDC Front-Channel Logout §2: nobody's pages are loaded but the client's own.
			f.add("frontchannel_logout_uri", "has another scheme, host or port than every redirect URI")
		}
	} else if c.FrontChannelLogoutSessionRequired {
		f.add("frontchannel_logout_session_required", "is true without a frontchannel_logout_uri")
	}
	if uri := c.BackChannelLogoutURI; uri != "" {
		if why := logoutURIFault(uri); why != "" {
			f.add("backchannel_logout_uri", why)
		}
	} else if c.BackChannelLogoutSessionRequired {
		f.add("backchannel_logout_session_required", "is true without a backchannel_logout_uri")
	}
}

// logoutURIFault says why a URI can't be called when a session ends. OIDC
// Back-Channel Logout §2.2 and OIDC Front-Channel Logout §2 want no fragment.
func logoutURIFault(uri string) string {
	if why := forbiddenRedirectURI(uri); why != "" {
		return why
	}
	if browserOrigin(uri) == "" {
		return "needs the scheme https"
	}
	if browserOrigin(uri)[:5] == "http:" && loopbackHost(uri) == "" {
		return "has the scheme http, which is for http://127.0.0.1, http://[::1] and http://localhost alone: use https"
	}
	return ""
}
