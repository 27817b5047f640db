package conformance

import "net/http"

// thirdPartyInitPlan is oidcc-3rdparty-init-login-certification-test-plan.
func thirdPartyInitPlan() plan {
	return plan{name: "oidcc-3rdparty-init-login-certification-test-plan", variants: afterLogin, modules: []module{
		{"oidcc-3rd_party-init-login", thirdPartyInit, nil},
		{"oidcc-3rd_party-init-login-nohttps", thirdPartyInitHTTP, nil},
	}}
}

func thirdPartyInit(s *moduleRun) {
	const address = "https://rp.example.test/initiate"
	c := s.register(map[string]any{"initiate_login_uri": address})
	read := s.send(http.MethodGet, c.uri, c.token, nil)
	read.want(s.T, http.StatusOK)
	read.wantUncached(s.T)
	for where, members := range map[string]map[string]any{"registration": c.members, "read": read.body} {
		if members["initiate_login_uri"] != address || members["client_id"] != c.ID {
			s.Errorf("%s: initiate_login_uri %v of %v", where, members["initiate_login_uri"], members["client_id"])
		}
	}
}

func thirdPartyInitHTTP(s *moduleRun) {
	_, a := s.tryRegister(map[string]any{"initiate_login_uri": "http://rp.example.test/initiate"})
	a.wantError(s.T, http.StatusBadRequest, "invalid_client_metadata")
}
