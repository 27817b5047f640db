package conformance

// hybridPlan is oidcc-hybrid-certification-test-plan.
func hybridPlan() plan {
	return plan{"oidcc-hybrid-certification-test-plan", []variant{{"code id_token", ""}, {"code token", ""}, {"code id_token token", ""}}, coreModules()}
}
