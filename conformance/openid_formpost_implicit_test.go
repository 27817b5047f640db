package conformance

// formPostImplicitPlan is oidcc-formpost-implicit-certification-test-plan.
func formPostImplicitPlan() plan {
	return plan{name: "oidcc-formpost-implicit-certification-test-plan", variants: []variant{{"id_token", "form_post"}, {"id_token token", "form_post"}}, modules: coreModules()}
}
