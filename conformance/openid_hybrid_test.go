package conformance

// hybridPlan is oidcc-hybrid-certification-test-plan.
func hybridPlan() plan {
	return plan{name: "oidcc-hybrid-certification-test-plan", variants: []variant{{"code id_token", ""}, {"code token", ""}, {"code id_token token", ""}}, modules: coreModules()}
}
