package conformance

// formPostImplicitPlan is oidcc-formpost-implicit-certification-test-plan.
func formPostImplicitPlan() plan {
	return plan{"oidcc-formpost-implicit-certification-test-plan", []variant{{"id_token", "form_post"}, {"id_token token", "form_post"}}, coreModules()}
}
