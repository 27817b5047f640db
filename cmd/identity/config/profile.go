package config

// conformance is what the conformance suites need and nobody else should have.
// A setting that is given by itself stays as it is given.
var conformance = map[string]string{
	"registration.mode":             "open",
	"front_channel.enabled":         "true",
	"pkce.required":                 "false",
	"insecure.unsigned":             "true",
	"insecure.allow_loopback_fetch": "true",
	"rate_limit.register":           "10000",
	"rate_limit.login":              "10000",
	"rate_limit.client_auth":        "10000",
}

// profile lays the values of a profile over the built-in defaults.
func (l *loader) profile() {
	if l.values.String("profile") != "conformance" {
		return
	}
	values := map[string]any{}
	for key, v := range conformance {
		if l.origins[key].Source == SourceDefault {
			values[key] = v
		}
	}
	l.layer(values)
}
