package conformance

// formPostHybridPlan is oidcc-formpost-hybrid-certification-test-plan.
func formPostHybridPlan() plan {
	return plan{name: "oidcc-formpost-hybrid-certification-test-plan", variants: []variant{{"code id_token", "form_post"}, {"code token", "form_post"}, {"code id_token token", "form_post"}}, modules: coreModules()}
}
