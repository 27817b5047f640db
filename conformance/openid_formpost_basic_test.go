package conformance

// formPostBasicPlan is oidcc-formpost-basic-certification-test-plan.
func formPostBasicPlan() plan {
	return plan{name: "oidcc-formpost-basic-certification-test-plan", variants: []variant{{"code", "form_post"}}, modules: coreModules()}
}
